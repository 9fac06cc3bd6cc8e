"""The three queries that are measured, as the gateway and as the peer spell them, and whether their answers agree."""

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Listed = Callable[[str], str]

LEG = "{ participantSid resourceSid resourceStatus resourceType resourceUrl }"
INTERACTION = f"sid sessionSid serviceSid accountSid data type dateCreated dateUpdated inbound {LEG} outbound {LEG}"
ENUMS = frozenset({"type", "resourceStatus", "resourceType"})


class Query(NamedTuple):
    """A query: what it reads, its text for either server, and the SQL that finds values for its ``$sid``."""

    about: str
    ours: str
    peers: str
    sids: str | None


def _connection(fields: str) -> str:
    return f"{{ nodes {{ {fields} }} }}"


def _plain_list(fields: str) -> str:
    return f"{{ {fields} }}"


def _point(_: Listed) -> str:
    return f"query Point($sid: ID!) {{ interaction(sid: $sid) {{ {INTERACTION} }} }}"


def _nested(listed: Listed) -> str:
    interactions = f"interactions(first: 20) {listed(INTERACTION)}"
    sessions = f"sessions(first: 20) {listed(f'sid {interactions}')}"
    return f"query Nested($sid: ID!) {{ service(sid: $sid) {{ sid {sessions} }} }}"


def _wide(listed: Listed) -> str:
    interactions = f"interactions(first: 10) {listed('sid type data dateCreated')}"
    sessions = f"sessions(first: 10) {listed(f'sid {interactions}')}"
    return f"query Wide {{ services(first: 20) {listed(f'sid {sessions}')} }}"


def _query(about: str, text: Callable[[Listed], str], sids: str | None = None) -> Query:
    return Query(about, text(_connection), text(_plain_list), sids)


QUERIES = (
    _query("q1: one interaction", _point, "SELECT sid FROM interaction ORDER BY sid LIMIT 2000"),
    _query("q2: 20 × 20 interactions", _nested, "SELECT sid FROM service ORDER BY sid"),
    _query("q3: 20 × 10 × 10 interactions", _wide),
)


def bodies(text: str, sids: Iterable[str]) -> list[str]:
    """The request bodies that ask ``text``: one for each SID, or just one where there are none."""
    return [json.dumps({"query": text, "variables": {"sid": sid}}) for sid in sids] or [json.dumps({"query": text})]


def same(ours: Any, peers: Any) -> bool:
    """Whether two answers say the same: connections are read as lists, and the peer's words as enums."""
    return bool(_without_nodes(ours) == _with_enums(peers))


def _without_nodes(answer: Any) -> Any:
    match answer:
        case {"nodes": nodes}:
            return _without_nodes(nodes)
        case dict():
            return {name: _without_nodes(value) for name, value in answer.items()}
        case list():
            return [_without_nodes(value) for value in answer]
    return answer


def _with_enums(answer: Any, name: str = "") -> Any:
    match answer:
        case dict():
            return {name: _with_enums(value, name) for name, value in answer.items()}
        case list():
            return [_with_enums(value) for value in answer]
        case str() if name in ENUMS:
            return answer.upper().replace("-", "_")
    return answer
