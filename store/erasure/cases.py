"""Erasure cases: who requested what and when, and the outcome of each selected Interaction and Participant.

A case has a reference and one or more runs; a later run continues one that was stopped. Whatever names a person is
masked before it is stored here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import islice

import msgspec

from store.engine.protocols import Archive, Readable
from store.engine.sql import Statement
from store.erasure.ledger import ADDRESS, AtTwilio, TwilioAddress
from store.twilio_mapping import now

ITEMS_AT_ONCE = 2_000
"""How many items one transaction adds: few, so that other writers don't wait long."""

ADD_CASE = """
INSERT INTO erasure_case (reference, account_sid, begun_at) SELECT :reference, account_sid, :at FROM archive WHERE TRUE
ON CONFLICT (reference) DO NOTHING
""".strip()
ADD_RUN = """
INSERT INTO erasure_run (id, reference, requested_by, question, options, begun_at)
SELECT coalesce(max(id), 0) + 1, :reference, :by, :question, :options, :at FROM erasure_run RETURNING id
""".strip()
QUESTION = """
SELECT question FROM erasure_run WHERE reference = :reference AND question <> '{}' ORDER BY id DESC LIMIT 1
""".strip()
END_RUN = "UPDATE erasure_run SET ended_at = :at WHERE id = :run"
ADD_ITEMS = Statement(
    lambda dialect: f"""
INSERT INTO erasure_case_item (reference, sid, run)
SELECT :reference, value, :run FROM ({dialect.values(":sids")}) AS given WHERE TRUE
ON CONFLICT (reference, sid) DO NOTHING
""".strip()
)
SET_OUTCOMES = Statement(
    lambda dialect: f"""
INSERT INTO erasure_case_item (reference, sid, run, outcome, reason, at)
SELECT :reference, sid, :run, outcome, reason, :at
FROM ({dialect.rows(":outcomes", "sid", "outcome", "reason")}) AS given WHERE TRUE
ON CONFLICT (reference, sid) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason, at = excluded.at
""".strip()
)
NOTE_ERASED = """
UPDATE erasure_case_item SET outcome = 'ERASED', reason = NULL,
  at = (SELECT erased_at FROM deletion WHERE deletion.sid = erasure_case_item.sid)
WHERE reference = :reference AND outcome IS DISTINCT FROM 'ERASED' AND sid >= 'KI' AND sid < 'KJ'
  AND EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = erasure_case_item.sid AND erased_at IS NOT NULL)
""".strip()
NOT_AT_TWILIO = Statement(
    lambda dialect: f"""
SELECT {ADDRESS} FROM deletion WHERE erased_at IS NOT NULL AND twilio IN ({dialect.values(":states")})
  AND EXISTS (SELECT 1 FROM erasure_case_item WHERE reference = :reference AND erasure_case_item.sid = deletion.sid)
ORDER BY sid
""".strip()
)
UNCLEAN = """
SELECT EXISTS (SELECT 1 FROM erasure_case_item JOIN deletion USING (sid)
  WHERE reference = :reference AND erased_at IS NOT NULL AND closed_at IS NULL)
""".strip()
SESSIONS_OF = Statement(
    lambda dialect: f"""
SELECT participant.sid, session.service_sid, session.sid, session.archived_at IS NOT NULL, date_deleted IS NOT NULL
FROM participant JOIN session ON session.sid = session_sid
WHERE participant.sid IN ({dialect.values(":sids")}) ORDER BY session.sid, participant.sid
""".strip()
)


class CaseOutcome(StrEnum):
    """The outcome of an Interaction or a Participant."""

    ERASED = "ERASED"
    HELD = "HELD"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    KEPT = "KEPT"


class ItemOutcome(msgspec.Struct, frozen=True):
    """An outcome with its reason, a sentence without content."""

    sid: str
    outcome: CaseOutcome | None
    reason: str | None = None


class SelectedParticipant(msgspec.Struct, frozen=True):
    """A Participant that a case selects, with its Service and Session.

    ``is_archived`` says that Twilio no longer has the Session, ``is_removed`` that the Participant was removed from it.
    """

    sid: str
    service_sid: str
    session_sid: str
    is_archived: bool
    is_removed: bool


class CaseWriter:
    """Writes one run of a case: the selected rows, and the outcome of each."""

    def __init__(self, archive: Archive, reference: str, run: int) -> None:
        self._archive, self.reference, self._run = archive, reference, run

    async def add(self, sids: Iterable[str]) -> None:
        """Adds items without an outcome; existing items of the case stay unchanged."""
        rest = iter(sids)
        while some := list(islice(rest, ITEMS_AT_ONCE)):
            bound = {"reference": self.reference, "run": self._run, "sids": json.dumps(some)}
            async with self._archive.writer.transaction() as transaction:
                await transaction.execute(ADD_ITEMS, bound)

    async def set_outcomes(self, items: Sequence[ItemOutcome]) -> None:
        """Stores these outcomes."""
        if items:
            last = {item.sid: item for item in items}  # One statement can't set a row twice.
            outcomes = json.dumps([(item.sid, item.outcome, item.reason) for item in last.values()])
            bound = {"reference": self.reference, "run": self._run, "at": now(), "outcomes": outcomes}
            async with self._archive.writer.transaction() as transaction:
                await transaction.execute(SET_OUTCOMES, bound)

    async def note_erased(self) -> None:
        """Stores the outcome of all Interactions that the ledger has as erased, even if another run erased them."""
        async with self._archive.writer.transaction() as transaction:
            await transaction.execute(NOTE_ERASED, {"reference": self.reference})

    async def not_at_twilio(self) -> list[TwilioAddress]:
        """Interactions that are erased here, but not at Twilio."""
        states = json.dumps([AtTwilio.NOT_CONNECTED, AtTwilio.REFUSED])
        bound = {"reference": self.reference, "states": states}
        return [TwilioAddress(*row) for row in await self._archive.fetch(NOT_AT_TWILIO, bound)]

    async def end_run(self) -> None:
        """Stores that the run ended."""
        async with self._archive.writer.transaction() as transaction:
            await transaction.execute(END_RUN, {"at": now(), "run": self._run})


async def begin_run(
    archive: Archive, reference: str, requested_by: str, question: Mapping[str, object], options: Mapping[str, bool]
) -> CaseWriter:
    """Starts a run of the case ``reference``, creating the case if it is new. ``question`` must name no person."""
    bound = {
        "reference": reference,
        "by": requested_by,
        "question": json.dumps(question),
        "options": json.dumps(options),
        "at": now(),
    }
    async with archive.writer.transaction() as transaction:
        await transaction.execute(ADD_CASE, {"reference": reference, "at": bound["at"]})
        ((run,),) = await transaction.fetch(ADD_RUN, bound)
    return CaseWriter(archive, reference, run)


async def last_question(archive: Readable, reference: str) -> dict[str, list[str]] | None:
    """The masked question of the case's last run; None if there is no such case."""
    for row in await archive.fetch(QUESTION, {"reference": reference}):
        question: dict[str, list[str]] = json.loads(row[0])
        return question
    return None


async def is_unclean(archive: Readable, reference: str) -> bool:
    """Whether the files still have bytes of erased rows of the case."""
    ((is_unclean,),) = await archive.fetch(UNCLEAN, {"reference": reference})
    return bool(is_unclean)


async def selected_participants(archive: Readable, participant_sids: Sequence[str]) -> list[SelectedParticipant]:
    """These Participants, each with its Service and Session, sorted by Session."""
    rows = await archive.fetch(SESSIONS_OF, {"sids": json.dumps(participant_sids)})
    return [SelectedParticipant(row[0], row[1], row[2], bool(row[3]), bool(row[4])) for row in rows]
