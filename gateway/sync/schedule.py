"""The mirror beside the server: a run every so often, in one of the workers at a time."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

from gateway.settings.mirror import SyncSettings
from gateway.sync.reconcile import TooMuchGone
from gateway.sync.run import SyncRunning, alone, due_for_full, sync
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from gateway.twilio.upstream import TwilioUpstream
from resolvers.upstream import finish_deletions
from store.archive import Archive
from store.errors import StoreError
from store.sync.state import Progress

log = logging.getLogger("proxygraph.sync")


async def keep_syncing(
    database: Path, archive: Archive, twilio: Twilio, settings: SyncSettings, every: timedelta, full_every: timedelta
) -> None:
    """Syncs for ever, with a full run where the last is longer ago than ``full_every``; a failure waits its turn."""
    while True:
        try:
            with alone(database):
                await finish_deletions(archive, TwilioUpstream(twilio))
                full = settings.full or await due_for_full(archive, full_every)
                progress = Progress()
                await sync(archive, twilio, settings.model_copy(update={"full": full}), progress)
                log.info("Synced: %d rows new, %d changed, %d erased.", progress.new, progress.changed, progress.erased)
        except SyncRunning:
            log.debug("Another process is syncing.")
        except (TwilioError, StoreError, TooMuchGone) as error:
            log.warning("The sync was not completed: %s", error)
        await asyncio.sleep(every.total_seconds())
