"""Compresses large responses with zstd or gzip, as the client's Accept-Encoding allows."""

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
"""Smaller bodies aren't compressed, since they fit into a few packets."""
ZSTD, GZIP, IDENTITY = b"zstd", b"gzip", b"identity"
ZSTD_LEVEL, GZIP_LEVEL = 3, 5


class Compressed(NamedTuple):
    """A body and its Content-Encoding header, if it was compressed."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


async def compressed(body: bytes, accepted: bytes) -> Compressed:
    """Compresses the body as ``accepted``, the Accept-Encoding header, prefers (RFC 9110 §12.5.3)."""
    if not accepted or len(body) < LARGE_BYTES:
        return Compressed(body)
    encoding = preferred(accepted, (ZSTD, GZIP))
    if encoding == ZSTD:
        # In a thread, since both libraries release the interpreter lock while they compress.
        return Compressed(await asyncio.to_thread(zstd.compress, body, ZSTD_LEVEL), ((b"content-encoding", ZSTD),))
    if encoding == GZIP:
        small = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0)
        return Compressed(small, ((b"content-encoding", GZIP),))
    return Compressed(body)
