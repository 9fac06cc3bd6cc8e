"""A JWK Set: finds which of an identity provider's published keys verifies a token (RFC 7517, RFC 8725 §3.1).

A key without ``alg`` is used for every configured algorithm that fits its type and curve. A key for encryption, or
whose ``key_ops`` lack ``verify``, is ignored. So are shared secrets (``oct``), which a public set never has.
"""

from collections.abc import Mapping
from typing import Any

import jwt
import msgspec

CURVES = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",), "Ed25519": ("EdDSA",), "Ed448": ("EdDSA",)}
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


class JwkSet:
    """The keys of a set that verify signatures. Raises ValueError if the content isn't a JWK Set."""

    def __init__(self, content: bytes) -> None:
        decoded = msgspec.json.decode(content)
        keys = decoded.get("keys") if isinstance(decoded, dict) else None
        if not isinstance(keys, list):
            raise ValueError("Expected a JWK Set, which is an object with keys, but got something else.")
        self._keys = [key for key in keys if isinstance(key, dict) and _verifies(key)]
        self._ready: dict[tuple[int, str], jwt.PyJWK] = {}

    def find(self, kid: Any, algorithm: str) -> jwt.PyJWK | None:
        """The key with this id that verifies ``algorithm``, or the only one that does if ``kid`` is None; else None.

        Raises jwt.PyJWTError for a key that is malformed.
        """
        fitting = [
            number
            for number, key in enumerate(self._keys)
            if algorithm in _algorithms(key) and (kid is None or key.get("kid") == kid)
        ]
        if len(fitting) != 1:
            return None
        ready = self._ready.get((fitting[0], algorithm))
        if ready is None:
            ready = self._ready[fitting[0], algorithm] = jwt.PyJWK(self._keys[fitting[0]], algorithm)
        return ready


def _verifies(key: Mapping[str, Any]) -> bool:
    use, operations = key.get("use"), key.get("key_ops")
    return use in (None, "sig") and (operations is None or (isinstance(operations, list) and "verify" in operations))


def _algorithms(key: Mapping[str, Any]) -> tuple[str, ...]:
    """The algorithms that fit the key's type and curve; only the one that the key names, if it names one."""
    key_type, curve, named = key.get("kty"), key.get("crv"), key.get("alg")
    fitting: tuple[str, ...] = RSA_ALGORITHMS if key_type == "RSA" else ()
    if key_type in ("EC", "OKP") and isinstance(curve, str):
        fitting = CURVES.get(curve, ())
    return fitting if named is None else tuple(algorithm for algorithm in fitting if algorithm == named)
