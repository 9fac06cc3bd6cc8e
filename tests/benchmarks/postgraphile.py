"""The workloads in the schema that PostGraphile generates of the archive's tables, and its answers in ours.

There a leg is five columns of its Interaction, a list orders itself by its primary key unless asked otherwise, and
Twilio's words are texts. Its columns have Proxygraph's names already.
"""

import re
from collections.abc import Mapping
from typing import Any

from workloads import LEG

ORDER = "orderBy: [DATE_CREATED_ASC, SID_ASC]"
LISTS = {
    "services": "allServices",
    "sessions": "sessionsByServiceSid",
    "interactions": "interactionsBySessionSid",
}
SIDES = ("inbound", "outbound")
MEMBERS = LEG.strip("{} ").split()
WORDS = ("type", "inboundResourceStatus", "inboundResourceType", "outboundResourceStatus", "outboundResourceType")


def document(ours: str) -> str:
    """The document that asks PostGraphile for the same."""
    text = ours.replace("$sid: ID!", "$sid: String!")
    text = re.sub(r"\b(service|interaction)\(sid:", r"\1: \1BySid(sid:", text)
    for side in SIDES:
        text = text.replace(f"{side} {LEG}", " ".join(_column(side, member) for member in MEMBERS))
    for name, generated in LISTS.items():
        text = re.sub(rf"\b{name}\((first: \d+)\)", rf"{name}: {generated}(\1, {ORDER})", text)
    return text


def answer(theirs: Any) -> Any:
    """PostGraphile's answer as Proxygraph would write it."""
    if isinstance(theirs, list):
        return [answer(value) for value in theirs]
    if not isinstance(theirs, dict):
        return theirs
    row = {name: answer(value) for name, value in theirs.items()}
    for name in WORDS:
        if row.get(name) is not None:
            row[name] = row[name].upper().replace("-", "_")
    for side in SIDES:
        if _column(side, MEMBERS[0]) in row:
            leg = {member: row.pop(_column(side, member)) for member in MEMBERS}
            row[side] = leg if _is_there(leg) else None
    return row


def _column(side: str, member: str) -> str:
    return f"{side}{member[0].upper()}{member[1:]}"


def _is_there(leg: Mapping[str, Any]) -> bool:
    return bool(leg["participantSid"] or leg["resourceSid"])
