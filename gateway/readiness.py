"""Whether a server is ready for requests, as /readyz says."""

import logging

from gateway.shutdown import DRAINING
from store.engine.protocols import Archive
from store.errors import Unavailable

log = logging.getLogger("proxygraph.gateway")


async def reason_not_ready(archive: Archive | None) -> bytes:
    """Why no requests should be sent here; empty if they may."""
    if DRAINING.begun:
        return b"about to stop"
    return b"" if await _reads(archive) else b"the archive can't be read"


async def _reads(archive: Archive | None) -> bool:
    if archive is None:
        return False
    try:
        await archive.data_version()
    except Exception as error:
        log.error("The archive can't be read.", exc_info=not isinstance(error, Unavailable))
        return False
    return True
