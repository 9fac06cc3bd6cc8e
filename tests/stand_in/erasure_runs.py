"""Runs of an erasure in the test's own process, and what they leave."""

from datetime import UTC, datetime
from typing import Any

import bodies
from databases import held
from fake_twilio import FakeTwilio
from gateway.erasure.deletions import ErasureProgress
from gateway.erasure.questions import asked
from gateway.erasure.receipt import Receipt, receipt_of
from gateway.erasure.run import Options, erase
from mirror import Mirror
from person import CANARIES
from store.engine.database import Database
from store.engine.protocols import Archive

REFERENCE = "DSR-1"


async def run(of: Mirror | Archive, alone: bool = False, **given: Any) -> Receipt:
    """Runs an erasure for these options, ``alone`` without the account, and returns the receipt."""
    archive = of.archive if isinstance(of, Mirror) else of
    flags = {name: given.pop(name) for name in ("remove_participants",) if name in given}
    reference = given.pop("reference", REFERENCE)
    values = {name: [value] if isinstance(value, str) else value for name, value in given.items()}
    question = asked(values, reference, (), datetime.now(UTC))
    twilio = of.twilio if isinstance(of, Mirror) and not alone else None
    await erase(archive, twilio, question, Options(reference, "alice", **flags), ErasureProgress())
    receipt = await receipt_of(archive, reference)
    assert receipt
    return receipt


def traces(database: Database) -> list[str]:
    content = held(database)
    return [text for text in CANARIES if text.encode() in content]


def of_session(number: int, of: FakeTwilio) -> list[str]:
    return [sid for sid in of.sids("KI") if of.get(sid)["session_sid"] == bodies.sid("KC", number)]


def reasons(receipt: Receipt) -> dict[str, str | None]:
    return {each.sid: each.reason for each in receipt.participants}
