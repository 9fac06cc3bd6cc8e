"""Environment variables that look like settings and are none, which a misspelt one does."""

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from gateway.settings.server import PREFIX

ELSEWHERE = {f"{PREFIX}BUILD_GRAPHIQL"}
"""What only the installation reads (gateway/graphiql/page/build_backend.py)."""

KUBERNETES = re.compile(rf"{PREFIX}(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)")
"""What Kubernetes sets in every container beside a service that is named proxygraph
(https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables)."""

NEAR, VERY_NEAR = 0.6, 0.85
"""How like a variable has to be to a setting: to be offered it, and, where others have variables too, to be named."""


def misspelt(environment: Collection[str], known: Iterable[str]) -> Iterator[str]:
    """A sentence for each variable of the ``environment`` that is none of the ``known`` ones, but looks as if.

    All of ``PROXYGRAPH_…`` look so. Of ``TWILIO_…``, which other programs read too, those do that are very like a
    known one that is not set.
    """
    names = {*known, *ELSEWHERE}
    free = [name for name in names if name.startswith("TWILIO_") and name not in environment]
    for name in sorted(set(environment) - names):
        if name.startswith(PREFIX) and not KUBERNETES.fullmatch(name):
            own = [known.removeprefix(PREFIX) for known in names if known.startswith(PREFIX)]
            near = [PREFIX + found for found in get_close_matches(name.removeprefix(PREFIX), own, 1, NEAR)]
            yield f"{name} is no setting of Proxygraph and is ignored.{_offer(near)}"
        elif name.startswith("TWILIO_") and (near := get_close_matches(name, free, 1, VERY_NEAR)):
            yield f"{name} is ignored.{_offer(near)}"


def _offer(near: list[str]) -> str:
    return f" Did you mean {near[0]}?" if near else " The README lists all settings."
