"""Finds environment variables that look like misspelt settings."""

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from gateway.settings.sources import CONFIG, NEAR, PREFIX

NO_SETTINGS = {CONFIG, f"{PREFIX}BUILD_GRAPHIQL"}
"""Variables that name the settings file, and that only the installation reads (gateway/graphiql/page/build_hook.py)."""

KUBERNETES = re.compile(rf"{PREFIX}(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)")
"""Variables that Kubernetes sets in every container if there is a service named proxygraph
(https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables)."""

VERY_NEAR = 0.85
"""How similar a variable must be to a setting: NEAR to suggest the setting; VERY_NEAR to warn of a TWILIO_ variable."""


def misspelt(environment: Collection[str], known: Iterable[str]) -> Iterator[str]:
    """A sentence for each variable of the ``environment`` that isn't ``known``, but seems to be meant as a setting.

    Every ``PROXYGRAPH_…`` seems so. Other programs read ``TWILIO_…`` too, so of these only those that are very similar
    to a known one that isn't set.
    """
    names = {*known, *NO_SETTINGS}
    free = [name for name in names if name.startswith("TWILIO_") and name not in environment]
    for name in sorted(set(environment) - names):
        if name.startswith(PREFIX) and not KUBERNETES.fullmatch(name):
            own = [known.removeprefix(PREFIX) for known in names if known.startswith(PREFIX)]
            near = [PREFIX + found for found in get_close_matches(name.removeprefix(PREFIX), own, 1, NEAR)]
            yield f"{name} is not a setting of Proxygraph, so it is ignored.{_suggestion(near)}"
        elif name.startswith("TWILIO_") and (near := get_close_matches(name, free, 1, VERY_NEAR)):
            yield f"{name} is ignored.{_suggestion(near)}"


def _suggestion(near: list[str]) -> str:
    return f" Did you mean {near[0]}?" if near else " The README lists all settings."
