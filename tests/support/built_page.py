"""What tests of GraphiQL's page need: that it is built, or that it is built of the sources that are here."""

import os

import pytest

from gateway import graphiql
from gateway.graphiql.page.build_hook import BUILT, is_current

IN_CI = bool(os.environ.get("CI"))

needs_page = pytest.mark.skipif(
    graphiql.NOT_BUILT is not None and not IN_CI,
    reason=f"GraphiQL: {graphiql.NOT_BUILT}",
)
needs_current_page = pytest.mark.skipif(
    not is_current(BUILT) and not IN_CI,
    reason="GraphiQL's page was not built of the sources that are here; `pip install --editable .` builds it.",
)
