"""The background task that syncs at intervals while the server runs, in one worker at a time."""

import logging
from datetime import timedelta

from gateway.background import RoundFailed
from gateway.settings.mirror import SyncSettings
from gateway.sync.clock import ClockMismatch
from gateway.sync.crawl import UnknownService
from gateway.sync.reconcile import TooManyErasures
from gateway.sync.run import is_full_run_due, sync
from gateway.sync.sync_lock import SyncAlreadyRunning, sync_lock
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import StoreError
from store.sync.runs import Progress

log = logging.getLogger("proxygraph.sync")


async def sync_once(
    database: Database,
    archive: Archive,
    twilio: Twilio,
    settings: SyncSettings,
    every: timedelta,
    full_every: timedelta,
) -> float:
    """Runs one sync, a full one if the last is longer ago than ``full_every``; returns the seconds to the next run.

    Raises RoundFailed if the sync can't begin, which is retried soon, or if it fails because of Twilio or the archive,
    which is retried after ``every``, since the client has retried already.
    """
    seconds, pause = every.total_seconds(), None
    try:
        with sync_lock(database):
            pause = seconds
            full = settings.full or await is_full_run_due(archive, full_every, settings.service is not None)
            progress = Progress()
            await sync(archive, twilio, settings.model_copy(update={"full": full}), progress)
    except SyncAlreadyRunning:
        log.debug("Another process is syncing.")
    except (TwilioError, StoreError, TooManyErasures, ClockMismatch, UnknownService) as error:
        raise RoundFailed(f"The sync was not completed: {error}", pause) from error
    else:
        log.info("Synced: %d rows new, %d changed, %d erased.", progress.new, progress.changed, progress.erased)
    return seconds
