"""Deletes Twilio's Message and Call records behind the Interactions that a case erased."""

from gateway.erasure.deletions import ErasureProgress, patiently
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from gateway.twilio.record_deletions import delete_records
from store.engine.protocols import Archive
from store.erasure import receipts


class RecordsLeft(Exception):
    """No record can be deleted at Twilio now. The message is a whole sentence."""


async def delete_records_of(
    archive: Archive, twilio: Twilio, reference: str, requested_by: str, progress: ErasureProgress
) -> None:
    """Deletes the records behind the Interactions that the case ``reference`` erased, and stores each outcome.

    Raises RecordsLeft if Twilio is unavailable or the credentials don't permit it; a later run tries the rest.
    """

    def advance(records: int) -> None:
        progress.records += records

    sids = await receipts.erased_interactions(archive, reference)
    progress.records, progress.records_total = 0, await receipts.records_left(archive, reference)
    try:
        done = await patiently(delete_records, archive, twilio.records, sids, requested_by, advance)
    except TwilioError as error:
        raise RecordsLeft(f"Twilio's Messages and Calls could not be deleted. {error}") from error
    if done.is_unavailable:
        raise RecordsLeft("Twilio stopped answering while its Messages and Calls were deleted.")
