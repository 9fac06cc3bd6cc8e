"""An identity provider on loopback, and JWTs that it signs."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.settings.access import JwtSettings

AUDIENCE, ISSUER = "proxygraph", "https://id.example.com/"


RSA = [rsa.generate_private_key(65_537, 2_048) for _ in range(2)]


EC = ec.generate_private_key(ec.SECP256R1())


class Provider:
    """An identity provider whose published keys can be changed, and that can be unavailable."""

    def __init__(self) -> None:
        self.keys = [self.jwk("one", RSA[0])]
        self.asked = 0
        self.down = False
        self.url = ""

    @staticmethod
    def jwk(kid: str, key: Any) -> dict[str, Any]:
        kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}

    async def answer(self, _: web.BaseRequest) -> web.Response:
        self.asked += 1
        return web.Response(status=503) if self.down else web.json_response({"keys": self.keys})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        runner = web.ServerRunner(web.Server(self.answer, access_log=None))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
            yield
        finally:
            await runner.cleanup()

    def settings(self, **changes: Any) -> JwtSettings:
        return JwtSettings.of({"jwks_url": self.url, "audience": AUDIENCE, "issuer": ISSUER} | changes)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "sub": "back-office",
        "aud": AUDIENCE,
        "iss": ISSUER,
        "exp": now + 600,
        "scope": "openid read:content",
    } | changes


def signed(key: Any = RSA[0], kid: str | None = "one", algorithm: str = "RS256", **changes: Any) -> str:
    given = {name: value for name, value in claims(**changes).items() if value is not None}
    return jwt.encode(given, key, algorithm, headers={"kid": kid} if kid else None)
