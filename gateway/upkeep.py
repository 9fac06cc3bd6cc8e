"""The background tasks that keep the archive's file in order: cleaning after erasures, and dropping old changes."""

from datetime import timedelta

from gateway.background import RoundFailed
from store.changes import trim
from store.engine.protocols import Archive
from store.erasure.interactions import retry_cleaning
from store.errors import StoreError

TRIMMED_EVERY_SECONDS = 600.0
"""The interval for dropping changes that are older than the feed keeps."""
CLEANING_EVERY_SECONDS = 2.0
"""The interval for retrying the cleaning that an erasure left undone."""


async def drop_old_changes(archive: Archive, kept: timedelta) -> float:
    """Drops changes that are older than ``kept``; returns the seconds to the next round. Raises RoundFailed."""
    try:
        await trim(archive, kept)
    except StoreError as error:
        raise RoundFailed(str(error)) from error
    return TRIMMED_EVERY_SECONDS


async def clean(archive: Archive) -> float:
    """Retries what erasures could not clean; returns the seconds to the next round. Raises RoundFailed."""
    try:
        await retry_cleaning(archive)
    except StoreError as error:
        raise RoundFailed(str(error)) from error
    return CLEANING_EVERY_SECONDS
