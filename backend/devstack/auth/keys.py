"""ES256 signing keys that survive a restart of the development stack."""

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from devstack.files import write_private

ALGORITHM: Final = "ES256"
_PRIVATE_MEMBERS: Final = frozenset({"d"})
_KEPT: Final = 3


class SigningKeys:
    """A key ring in a file of mode 0600: the first key signs, all of them verify.

    A key may stand by: it is published already, and signs from the next rotation on.
    """

    def __init__(self, path: Path, ring: Sequence[dict[str, Any]]) -> None:
        self._path = path
        self._ring = list(ring)
        self._standby: dict[str, Any] | None = None
        self._signing_key = _private_key(self._ring[0])

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        try:
            ring = json.loads(path.read_bytes())["keys"]
        except FileNotFoundError:
            ring = [_new_key()]
            write_private(path, _document(ring))
        return cls(path, ring)

    @property
    def kid(self) -> str:
        return str(self._ring[0]["kid"])

    def stand_by(self) -> None:
        """Publish the key that the next rotation will sign with."""
        self._standby = _new_key()

    def rotate(self) -> None:
        """Sign with a new key; tokens of the two keys before it stay valid."""
        self._keep([self._standby or _new_key(), *self._ring][:_KEPT])
        self._standby = None

    def revoke(self) -> None:
        """Publish only the key that signs: tokens of those before it are void."""
        self._keep(self._ring[:1])

    def _keep(self, ring: list[dict[str, Any]]) -> None:
        write_private(self._path, _document(ring))
        self._ring = ring
        self._signing_key = _private_key(ring[0])

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "keys": [
                {name: value for name, value in key.items() if name not in _PRIVATE_MEMBERS}
                | {"key_ops": ["verify"]}
                for key in (*self._ring, *((self._standby,) if self._standby else ()))
            ]
        }

    def sign(self, claims: Mapping[str, object]) -> str:
        headers = {"kid": self.kid}
        return jwt.encode(dict(claims), self._signing_key, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, *, issuer: str, audience: str) -> dict[str, Any]:
        """Raise `jwt.InvalidTokenError` unless the token is one of ours and in force."""
        kid = jwt.get_unverified_header(token).get("kid")
        public = next((key for key in self.jwks()["keys"] if key["kid"] == kid), None)
        if public is None:
            message = "unknown key"
            raise jwt.InvalidTokenError(message)
        return jwt.decode(
            token, jwt.PyJWK(public), algorithms=[ALGORITHM], issuer=issuer, audience=audience
        )


def _new_key() -> dict[str, Any]:
    jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    return {**jwk, "kid": str(uuid.uuid4()), "alg": ALGORITHM, "use": "sig"}


def _private_key(jwk: dict[str, Any]) -> ec.EllipticCurvePrivateKey:
    key = ECAlgorithm.from_jwk(jwk)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        message = "the key file holds no private key"
        raise TypeError(message)
    return key


def _document(ring: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps({"keys": ring}).encode()
