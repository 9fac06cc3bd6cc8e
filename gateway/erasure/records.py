"""Deletes Twilio's Message and Call records behind the Interactions that a case erased."""

from gateway.erasure.deletions import Progress, patiently
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from gateway.twilio.record_deletions import delete_records
from store.archive import Archive
from store.erasure import receipts


class RecordsLeft(Exception):
    """Twilio lets none of the records be deleted now. The message is a whole sentence."""


async def delete_records_of(
    archive: Archive, twilio: Twilio, reference: str, requested_by: str, progress: Progress
) -> None:
    """Deletes the records behind what the case ``reference`` erased, and stores what became of each.

    Raises RecordsLeft if Twilio is away or the credentials may not do it: the rest is tried by a later run.
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
