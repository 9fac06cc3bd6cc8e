"""The Interactions and Participants that a question selects, by person, Session, age or SID, as SIDs and as counts.

A person's Interactions are those with one of the person's Participants on either leg: sent by the person or to the
person. A Session has ended if it is closed or failed, or if Twilio no longer has it.
"""

import json
from typing import Any

import msgspec

from store.engine.protocols import Readable
from store.engine.sql import Dialect, Statement

CHANNELS = ("sip", "sms", "tel", "whatsapp")
"""Channels whose identifiers may be the channel's name followed by a telephone number."""

INTERACTIONS = Statement(lambda dialect: f"{_chosen(dialect)} SELECT sid FROM chosen")
PARTICIPANTS = Statement(
    lambda dialect: f"""
{_named(dialect)} SELECT sid FROM participant WHERE sid IN (SELECT sid FROM named)
  AND (NOT EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = participant.sid AND erased_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM erasure_case_item AS item
      WHERE item.reference = :reference AND item.sid = participant.sid AND outcome IS NULL))
""".strip()
)

COUNT_INTERACTIONS = Statement(
    lambda dialect: f"""
{_chosen(dialect)}
SELECT service.sid, service.unique_name, count(*), count(DISTINCT session.sid), count(session.archived_at),
  count(DISTINCT session.sid) FILTER (WHERE session.archived_at IS NOT NULL), count(legal_hold.sid),
  min(interaction.date_created), max(interaction.date_created)
FROM chosen JOIN interaction ON interaction.sid = chosen.sid JOIN session ON session.sid = interaction.session_sid
  JOIN service ON service.sid = interaction.service_sid LEFT JOIN legal_hold ON legal_hold.sid = chosen.sid
GROUP BY service.sid ORDER BY service.sid
""".strip()
)
COUNT_RESOURCES = Statement(
    lambda dialect: f"""
{_chosen(dialect)}, leg (sid, type) AS (
  SELECT inbound_resource_sid, inbound_resource_type FROM chosen JOIN interaction USING (sid)
  UNION SELECT outbound_resource_sid, outbound_resource_type FROM chosen JOIN interaction USING (sid)
)
SELECT count(*) FILTER (WHERE type = 'message'), count(*) FILTER (WHERE type = 'call'),
  count(*) FILTER (WHERE type IS NULL OR type NOT IN ('message', 'call'))
FROM leg WHERE sid IS NOT NULL
""".strip()
)
COUNT_PARTICIPANTS = Statement(
    lambda dialect: f"""
{_named(dialect)}
SELECT count(*), count(DISTINCT participant.session_sid),
  count(*) FILTER (WHERE session.archived_at IS NULL),
  count(*) FILTER (WHERE session.archived_at IS NULL AND date_deleted IS NULL
    AND session.status NOT IN ('closed', 'failed'))
FROM named JOIN participant USING (sid) JOIN session ON session.sid = participant.session_sid
WHERE NOT EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = participant.sid AND erased_at IS NOT NULL)
""".strip()
)
COUNT_UNNAMED = Statement(
    lambda dialect: f"""
WITH {_person(dialect)}
SELECT count(*) FROM interaction WHERE inbound_participant_sid IS NULL AND outbound_participant_sid IS NULL
  AND session_sid IN (SELECT session_sid FROM participant WHERE sid IN (SELECT sid FROM person))
  AND session_sid NOT IN ({dialect.values(":sessions")})
""".strip()
)
AS_PROXY_NUMBER = Statement(
    lambda dialect: f"SELECT count(*) FROM participant WHERE proxy_identifier IN ({dialect.values(':identifiers')})"
)
COUNT_LATE = """
SELECT count(*) FROM (
  SELECT interaction.sid FROM deletion JOIN interaction ON inbound_participant_sid = deletion.sid
    WHERE deletion.sid >= 'KP' AND deletion.sid < 'KQ'
  UNION SELECT interaction.sid FROM deletion JOIN interaction ON outbound_participant_sid = deletion.sid
    WHERE deletion.sid >= 'KP' AND deletion.sid < 'KQ'
) AS late
""".strip()
AS_CHANNEL = Statement(
    lambda dialect: f"""
SELECT identifier, count(*) FROM participant WHERE identifier IN (
  SELECT channel.value || ':' || asked.value
  FROM ({dialect.values(":identifiers")}) AS asked CROSS JOIN ({dialect.values(":channels")}) AS channel
) GROUP BY identifier ORDER BY identifier
""".strip()
)
UNKNOWN = Statement(
    lambda dialect: f"""
SELECT asked.value, deletion.sid IS NOT NULL FROM ({dialect.values(":sids")}) AS asked
  LEFT JOIN deletion ON deletion.sid = asked.value AND erased_at IS NOT NULL
WHERE NOT EXISTS (SELECT 1 FROM interaction WHERE interaction.sid = asked.value)
  AND NOT EXISTS (SELECT 1 FROM session WHERE session.sid = asked.value)
  AND NOT EXISTS (SELECT 1 FROM participant WHERE participant.sid = asked.value AND deletion.sid IS NULL)
  AND NOT EXISTS (SELECT 1 FROM service WHERE service.sid = asked.value)
""".strip()
)
ARCHIVED_SESSIONS = """
SELECT DISTINCT session_sid
FROM erasure_case_item JOIN interaction USING (sid) JOIN session ON session.sid = session_sid
WHERE reference = :reference AND archived_at IS NOT NULL
""".strip()


class Question(msgspec.Struct, frozen=True):
    """What to erase: everything that any of these selects. ``before``, a date, applies to ``services``.

    ``reference`` is that of a case, whose Interactions and Participants are selected again, to continue it.
    """

    identifiers: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    before: str = ""
    interactions: tuple[str, ...] = ()
    reference: str = ""

    @property
    def sids(self) -> tuple[str, ...]:
        """The SIDs that it names."""
        return self.participants + self.sessions + self.services + self.interactions

    def parameters(self) -> dict[str, Any]:
        """The values that the statements bind."""
        return {
            name: json.dumps(value) if isinstance(value, tuple) else value
            for name, value in msgspec.structs.asdict(self).items()
        }


class ServiceCounts(msgspec.Struct, frozen=True):
    """The selected Interactions of one Service. Those of ``archived`` Sessions exist only here."""

    service_sid: str
    unique_name: str | None
    interactions: int
    sessions: int
    archived_interactions: int
    archived_sessions: int
    held: int
    first: str
    last: str


class SelectionCounts(msgspec.Struct, frozen=True):
    """The counts of a question's selection. ``held`` of a Service counts rows that are known to be under legal hold."""

    services: list[ServiceCounts]
    messages: int
    calls: int
    other_resources: int
    participants: int
    participant_sessions: int
    participants_at_twilio: int
    """In Sessions that Twilio had at the last sync."""
    live_participants: int
    """In Sessions that had not ended at the last sync."""
    unnamed_interactions: int
    """Interactions of the person's Sessions that name no Participant on either leg; they are not selected."""
    as_proxy_number: int
    """Participants whose proxy number, which is Twilio's, is one of the identifiers; they are not selected."""
    as_channel: dict[str, int]
    """The same numbers as identifiers of a channel, such as whatsapp:+12025550121; they are not selected."""


async def count(archive: Readable, question: Question) -> SelectionCounts:
    """The number of each kind of rows that ``question`` selects."""
    bound = question.parameters()
    services = [ServiceCounts(*row) for row in await archive.fetch(COUNT_INTERACTIONS, bound)]
    ((messages, calls, others),) = await archive.fetch(COUNT_RESOURCES, bound)
    ((participants, sessions, at_twilio, live),) = await archive.fetch(COUNT_PARTICIPANTS, bound)
    ((unnamed,),) = await archive.fetch(COUNT_UNNAMED, bound)
    ((as_proxy,),) = await archive.fetch(AS_PROXY_NUMBER, bound)
    channels = {"identifiers": bound["identifiers"], "channels": json.dumps(CHANNELS)}
    as_channel = {row[0]: row[1] for row in await archive.fetch(AS_CHANNEL, channels)}
    return SelectionCounts(
        services, messages, calls, others, participants, sessions, at_twilio, live, unnamed, as_proxy, as_channel
    )


async def count_late(archive: Readable) -> int:
    """How many Interactions came in after their Participant was erased, so that no identifier finds them."""
    ((late,),) = await archive.fetch(COUNT_LATE)
    return int(late)


async def unknown(archive: Readable, question: Question) -> dict[str, bool]:
    """The SIDs of ``question`` that the archive lacks, and whether each was erased."""
    bound = {"sids": json.dumps(question.sids)}
    return {row[0]: bool(row[1]) for row in await archive.fetch(UNKNOWN, bound)}


async def interactions(archive: Readable, question: Question) -> list[str]:
    """The SIDs of the selected Interactions."""
    return [row[0] for row in await archive.fetch(INTERACTIONS, question.parameters())]


async def participants(archive: Readable, question: Question) -> list[str]:
    """The SIDs of the selected Participants that are not erased yet, or whose outcome the case doesn't have."""
    return [row[0] for row in await archive.fetch(PARTICIPANTS, question.parameters())]


async def archived_sessions(archive: Readable, reference: str) -> set[str]:
    """The Sessions of the case's Interactions that Twilio no longer has, as far as the archive knows."""
    return {row[0] for row in await archive.fetch(ARCHIVED_SESSIONS, {"reference": reference})}


def _person(dialect: Dialect) -> str:
    """The WITH clause's part for the Participants of the person."""
    asked = " OR ".join(
        f"{dialect.member('question', name, '0')} IS NOT NULL" for name in ("identifier", "participant")
    )
    return f"""
person (sid) AS (
  SELECT sid FROM participant WHERE identifier IN ({dialect.values(":identifiers")})
  UNION SELECT value FROM ({dialect.values(":participants")}) AS given
  UNION SELECT sid FROM erasure_case_item JOIN erasure_run ON erasure_run.id = run
    WHERE erasure_case_item.reference = :reference AND sid >= 'KP' AND sid < 'KQ' AND ({asked})
)
""".strip()


def _chosen(dialect: Dialect) -> str:
    """The WITH clause of the selected Interactions."""
    return f"""
WITH {_person(dialect)}, chosen (sid) AS (
  SELECT sid FROM interaction WHERE inbound_participant_sid IN (SELECT sid FROM person)
  UNION SELECT sid FROM interaction WHERE outbound_participant_sid IN (SELECT sid FROM person)
  UNION SELECT sid FROM interaction WHERE session_sid IN ({dialect.values(":sessions")})
  UNION SELECT sid FROM interaction
    WHERE service_sid IN ({dialect.values(":services")}) AND date_created < :before
  UNION SELECT sid FROM interaction WHERE sid IN ({dialect.values(":interactions")})
  UNION SELECT interaction.sid FROM erasure_case_item JOIN interaction USING (sid) WHERE reference = :reference
)
""".strip()


def _named(dialect: Dialect) -> str:
    """The WITH clause of the selected Participants."""
    return f"""
WITH {_person(dialect)}, named (sid) AS (
  SELECT sid FROM person
  UNION SELECT sid FROM erasure_case_item WHERE reference = :reference AND sid >= 'KP' AND sid < 'KQ'
  UNION SELECT sid FROM participant WHERE session_sid IN ({dialect.values(":sessions")})
  UNION SELECT participant.sid FROM session JOIN participant ON participant.session_sid = session.sid
    WHERE session.service_sid IN ({dialect.values(":services")}) AND session.date_created < :before
      AND coalesce(session.date_ended, session.date_updated) < :before
      AND (session.archived_at IS NOT NULL OR session.status IN ('closed', 'failed'))
      AND NOT EXISTS (SELECT 1 FROM interaction
        WHERE inbound_participant_sid = participant.sid AND interaction.date_created >= :before)
      AND NOT EXISTS (SELECT 1 FROM interaction
        WHERE outbound_participant_sid = participant.sid AND interaction.date_created >= :before)
)
""".strip()
