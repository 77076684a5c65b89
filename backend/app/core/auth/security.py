"""From a Supabase access token to verified claims.

Our own verifier, because supabase-py's `get_claims` accepts a wrong audience, issuer and role.
"""

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import jwt
import orjson
from cachetools import LRUCache
from jwt import PyJWK

from app.core.auth.jwks import ALGORITHMS
from app.core.email_domain import comparable_email
from app.core.errors import NotAuthenticatedError

AUDIENCE = "authenticated"
ROLE = "authenticated"
LEEWAY_SECONDS = 10
MAX_LIFETIME_SECONDS = 24 * 3600
MAX_TOKEN_CHARACTERS = 8192


class Keys(Protocol):
    async def get(self, kid: str) -> PyJWK | None: ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. Never a staff role: `user_metadata` is editable by its owner."""

    subject: uuid.UUID
    email: str | None
    full_name: str | None
    signed_in_at: datetime
    issued_at: datetime
    """When the token was issued, and hence how recent its statements about its owner are."""

    expires_at: float
    assurance_level: str
    session_id: str | None


class InvalidTokenError(NotAuthenticatedError):
    code = "invalid_token"
    detail = "The access token is not valid or has expired."


class TokenCache:
    """Verified claims by the SHA-256 of their token. The tokens themselves are not kept."""

    def __init__(self, size: int, seconds: float) -> None:
        self._seconds = seconds
        self._entries: LRUCache[bytes, tuple[float, Claims]] = LRUCache(size)

    def get(self, digest: bytes, now: float) -> Claims | None:
        entry = self._entries.get(digest)
        if entry is None or entry[0] <= now:
            return None
        return entry[1]

    def put(self, digest: bytes, claims: Claims, now: float) -> None:
        if self._entries.maxsize:
            self._entries[digest] = (min(now + self._seconds, claims.expires_at), claims)


class TokenVerifier:
    """Checks signature, issuer, audience, times, role and subject of an access token."""

    def __init__(  # noqa: PLR0913  # what a project is told by, each by its name
        self,
        keys: Keys,
        *,
        issuer: str,
        legacy_secret: str | None = None,
        oauth_clients: Collection[str] = (),
        cache: TokenCache,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._legacy_secret = legacy_secret
        self._oauth_clients = frozenset(oauth_clients)
        self._cache = cache
        self._now = wall_clock

    async def verify(self, token: str) -> Claims:
        """Return the claims; raise InvalidTokenError (401) or KeysUnavailableError (503)."""
        if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
            raise InvalidTokenError
        digest = hashlib.sha256(token.encode()).digest()
        if (cached := self._cache.get(digest, self._now())) is not None:
            return cached
        try:
            claims = self._read(await self._decode(token))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise InvalidTokenError from None
        self._cache.put(digest, claims, self._now())
        return claims

    async def _decode(self, token: str) -> dict[str, Any]:
        header = _peek(token)
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._legacy_secret is not None:
            return self._decode_with(token, self._legacy_secret, "HS256")
        kid = header.get("kid")
        # The header's `jku`, `x5u` and `jwk` are ignored: they would let a token bring its own key.
        if algorithm not in ALGORITHMS or not isinstance(kid, str) or "crit" in header:
            raise InvalidTokenError
        key = await self._keys.get(kid)
        if key is None or key.algorithm_name != algorithm:
            raise InvalidTokenError
        return self._decode_with(token, key, algorithm)

    def _decode_with(self, token: str, key: PyJWK | str, algorithm: str) -> dict[str, Any]:
        payload = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=AUDIENCE,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )
        self._check_times(payload)
        return payload

    def _check_times(self, payload: dict[str, Any]) -> None:
        # PyJWT accepts exp = 1e300, booleans and numeric strings.
        for name in ("exp", "iat"):
            if type(payload[name]) not in (int, float):
                raise InvalidTokenError
        lifetime = payload["exp"] - payload["iat"]
        if not 0 < lifetime <= MAX_LIFETIME_SECONDS:
            raise InvalidTokenError
        if payload["iat"] > self._now() + LEEWAY_SECONDS:
            raise InvalidTokenError

    def _read(self, payload: dict[str, Any]) -> Claims:
        if payload.get("role") != ROLE or payload.get("is_anonymous"):
            raise InvalidTokenError
        # With a custom access token hook, Supabase sometimes sends the audience as an array.
        if payload["aud"] not in (AUDIENCE, [AUDIENCE]):
            raise InvalidTokenError
        # Supabase's OAuth server gave this token to another application, with its user's consent.
        client = payload.get("client_id")
        if client is not None and client not in self._oauth_clients:
            raise InvalidTokenError
        metadata = payload.get("user_metadata")
        return Claims(
            subject=_subject(payload["sub"]),
            email=_email(payload.get("email")),
            full_name=_full_name(metadata if isinstance(metadata, dict) else {}),
            signed_in_at=_signed_in_at(payload),
            issued_at=datetime.fromtimestamp(payload["iat"], tz=UTC),
            expires_at=float(payload["exp"]),
            assurance_level=str(payload.get("aal", "aal1")),
            session_id=payload.get("session_id"),
        )


def _peek(token: str) -> dict[str, Any]:
    """Return the header, to choose the key by; PyJWT reads it again, and strictly.

    PyJWT's own reading of it would take a third of the time that the signature takes.
    """
    header = orjson.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    if not isinstance(header, dict):
        raise InvalidTokenError
    return header


def _subject(value: object) -> uuid.UUID:
    if not isinstance(value, str):
        raise InvalidTokenError
    subject = uuid.UUID(value)
    # uuid.UUID also reads braces, "urn:uuid:" and missing hyphens.
    if str(subject) != value.lower():
        raise InvalidTokenError
    return subject


def _email(value: object) -> str | None:
    email = value.strip() if isinstance(value, str) else ""
    # NUL and lone surrogates are no text for a database.
    return comparable_email(email) if "@" in email and email.isprintable() else None


def _full_name(metadata: dict[str, Any]) -> str | None:
    """Return a name for a new row. People can edit it freely, so it is not used afterwards."""
    for key in ("full_name", "name"):
        value = metadata.get(key)
        if isinstance(value, str) and value.strip():
            return " ".join(value.replace("\x00", "").split())[:200] or None
    return None


def _signed_in_at(payload: dict[str, Any]) -> datetime:
    """Return when the session began: `amr` keeps it through refreshes, `iat` does not."""
    methods = payload.get("amr")
    stamps = [
        method["timestamp"]
        for method in (methods if isinstance(methods, list) else [])
        if isinstance(method, dict) and type(method.get("timestamp")) is int
    ]
    stamp = min(max(stamps, default=payload["iat"]), payload["iat"])
    return datetime.fromtimestamp(stamp, tz=UTC)
