"""Large answers, compressed as the client takes them: by zstd, or by gzip."""

import asyncio
import gzip
import sys
from typing import NamedTuple

from gateway.http.exchange import preferred

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGE_BYTES = 16_384
"""From here on it is worth a thread's time; a smaller answer fits into a few packets as it is."""
ZSTD, GZIP, IDENTITY = b"zstd", b"gzip", b"identity"
ZSTD_LEVEL, GZIP_LEVEL = 3, 5


class Compressed(NamedTuple):
    """A body, and the header that says how it is encoded."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


async def compressed(body: bytes, accepted: bytes) -> Compressed:
    """The body as the Accept-Encoding ``accepted`` takes it (RFC 9110 §12.5.3)."""
    if not accepted or len(body) < LARGE_BYTES:
        return Compressed(body)
    encoding = preferred(accepted, (ZSTD, GZIP))
    if encoding == ZSTD:
        # In a thread, which both libraries leave the interpreter to meanwhile.
        return Compressed(await asyncio.to_thread(zstd.compress, body, ZSTD_LEVEL), ((b"content-encoding", ZSTD),))
    if encoding == GZIP:
        small = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0)
        return Compressed(small, ((b"content-encoding", GZIP),))
    return Compressed(body)
