"""The workloads to measure: each has a document, the SIDs to query with, and the request bodies made from them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

LEG = "{ participantSid resourceSid resourceStatus resourceType resourceUrl }"
INTERACTION = f"sid sessionSid serviceSid accountSid data type dateCreated dateUpdated inbound {LEG} outbound {LEG}"
MESSAGE = "sid type data dateCreated"
NODES = "{{ nodes {{ {} }} }}"
EDGES = "{{ edges {{ cursor node {{ {} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"
SID = "<sid>"


class Workload(NamedTuple):
    """A document, and, if it takes a SID, the SQL that finds the SIDs to send with it.

    The SID is sent as the variable ``$sid``, or replaces ``<sid>`` in the document. The answers to a ``light`` workload
    come so fast that checking each would slow the load down. A ``raised`` one needs a higher page limit.
    """

    name: str
    about: str
    document: str
    sids: str | None = None
    light: bool = False
    raised: bool = False

    def found_sids(self, archive: Path) -> list[str]:
        """The SIDs to send with the document; none if it takes none."""
        if self.sids is None:
            return []
        with closing(sqlite3.connect(f"{archive.as_uri()}?mode=ro", uri=True)) as connection:
            return [sid for (sid,) in connection.execute(self.sids)]

    def bodies(self, archive: Path) -> list[str]:
        """The request bodies: one for each SID, or a single one if the document takes none."""
        sids = self.found_sids(archive)
        if SID in self.document:
            return [json.dumps({"query": self.document.replace(SID, sid)}) for sid in sids]
        asked = [{"query": self.document, "variables": {"sid": sid}} for sid in sids]
        return [json.dumps(request) for request in asked or [{"query": self.document}]]


def _nested(page: str) -> str:
    interactions = f"interactions(first: 20) {page.format(INTERACTION)}"
    return f"query Nested($sid: ID!) {{ service(sid: $sid) {{ sid sessions(first: 20) {_page(page, interactions)} }} }}"


def _wide(page: str) -> str:
    sessions = f"sessions(first: 10) {_page(page, f'interactions(first: 10) {page.format(MESSAGE)}')}"
    return f"query Wide {{ services(first: 20) {_page(page, sessions)} }}"


def _page(page: str, children: str) -> str:
    return page.format(f"sid {children}")


# SIDs are random, so the first ones in order are spread over the whole archive.
_SERVICES = "SELECT sid FROM service ORDER BY sid"
_INTERACTIONS = "SELECT sid FROM interaction ORDER BY sid LIMIT {}"

POINT = Workload(
    "point",
    "one interaction with both legs",
    f"query Point($sid: ID!) {{ interaction(sid: $sid) {{ {INTERACTION} }} }}",
    _INTERACTIONS.format(2_000),
    light=True,
)
LITERAL = Workload(
    "literal",
    "the same, its sid written into the document, 20,000 different ones",
    f'query Point {{ interaction(sid: "{SID}") {{ {INTERACTION} }} }}',
    _INTERACTIONS.format(20_000),
    light=True,
)
NESTED = Workload("nested", "20 sessions × 20 interactions with both legs", _nested(NODES), _SERVICES)
WIDE = Workload("wide", "20 services × 10 sessions × 10 interactions", _wide(NODES))
NESTED_EDGES = Workload("nested-edges", "20 × 20 through edges, cursors and pageInfo", _nested(EDGES), _SERVICES)
WIDE_EDGES = Workload("wide-edges", "20 × 10 × 10 through edges, cursors and pageInfo", _wide(EDGES))
LONG = Workload(
    "long",
    "10,000 interactions × 2 legs in one list",
    f"query Long {{ interactions(first: 10000) {NODES.format(INTERACTION)} }}",
    raised=True,
)

WORKLOADS = (POINT, LITERAL, NESTED, WIDE, NESTED_EDGES, WIDE_EDGES, LONG)
