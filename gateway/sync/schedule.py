"""The mirror beside the server: a run every so often, in one of the workers at a time."""

import logging
from datetime import timedelta
from pathlib import Path

from gateway.background import RoundFailed
from gateway.settings.mirror import SyncSettings
from gateway.sync.clock import ClockDoubtful
from gateway.sync.crawl import UnknownService
from gateway.sync.reconcile import TooMuchGone
from gateway.sync.run import due_for_full, sync
from gateway.sync.sync_lock import SyncRunning, sync_lock
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from store.archive import Archive
from store.errors import StoreError
from store.sync.runs import Progress

log = logging.getLogger("proxygraph.sync")


async def sync_once(
    database: Path, archive: Archive, twilio: Twilio, settings: SyncSettings, every: timedelta, full_every: timedelta
) -> float:
    """Syncs, in full where the last full run is longer ago than ``full_every``; returns the seconds to the next run.

    Raises RoundFailed where it could not begin, and where Twilio or the archive kept it from its end: they have been
    asked again, so then it waits for its next turn. What else is raised is not expected.
    """
    seconds, pause = every.total_seconds(), None
    try:
        with sync_lock(database):
            pause = seconds
            full = settings.full or await due_for_full(archive, full_every, settings.service is not None)
            progress = Progress()
            await sync(archive, twilio, settings.model_copy(update={"full": full}), progress)
    except SyncRunning:
        log.debug("Another process is syncing.")
    except (TwilioError, StoreError, TooMuchGone, ClockDoubtful, UnknownService) as error:
        raise RoundFailed(f"The sync was not completed: {error}", pause) from error
    else:
        log.info("Synced: %d rows new, %d changed, %d erased.", progress.new, progress.changed, progress.erased)
    return seconds
