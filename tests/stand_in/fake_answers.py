"""The HTTP responses of the stand-in for Twilio."""

import re
from collections.abc import Mapping
from hashlib import blake2s

import orjson
from aiohttp import web

from fake_account import Body

TOKEN = re.compile(r"PT[0-9a-f]{24}")


def answer_of(status: int, body: bytes | Body | str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response with JSON, or with HTML if ``body`` is a text."""
    if isinstance(body, str):
        return web.Response(text=body, status=status, headers=headers, content_type="text/html")
    encoded = body if isinstance(body, bytes) else orjson.dumps(body)
    return web.Response(body=encoded, status=status, headers=headers, content_type="application/json")


def error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Twilio's error with ``code``."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return answer_of(status, {"code": code, "message": message, "more_info": more, "status": status}, headers)


def missing(path: str) -> web.Response:
    """Twilio's own 404."""
    return error(404, 20404, f"The requested resource {path} was not found")


def token_of(path: str, offset: int) -> str:
    """The PageToken that stands for an offset into a list."""
    return f"PT{blake2s(f'{path} {offset}'.encode(), digest_size=8).hexdigest()}{offset:08x}"


def offset_of(path: str, token: str) -> int | None:
    """What ``token`` stands for, if it is one of the list's."""
    offset = int(token[-8:], 16) if TOKEN.fullmatch(token) else 0
    return offset if token == token_of(path, offset) else None


async def cut(request: web.BaseRequest, answer: web.Response) -> web.StreamResponse:
    """Sends the response's headers and half of its body, if it has one, and closes the connection."""
    half = web.StreamResponse(status=answer.status, headers=answer.headers)
    if isinstance(answer.body, bytes) and answer.body:
        half.content_length = len(answer.body)
        await half.prepare(request)
        await half.write(answer.body[: len(answer.body) // 2])
    if request.transport:
        request.transport.close()
    return half
