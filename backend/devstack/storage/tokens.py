"""The tokens in signed URLs: each is for one object and one of download and upload."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import jwt

from app.core.clock import Clock
from devstack.files import write_private
from devstack.storage.errors import Failure, StorageError

UPLOAD_LIFETIME: Final = timedelta(hours=2)
_ALGORITHM: Final = "HS256"
_KEY_BYTES: Final = 32


class Scope(StrEnum):
    DOWNLOAD = "download"
    UPLOAD = "upload"


@dataclass(frozen=True)
class Grant:
    expires_at: datetime
    upsert: bool


class UrlTokens:
    def __init__(self, key: bytes, now: Clock) -> None:
        self._key = key
        self._now = now

    @classmethod
    def load_or_create(cls, path: Path, now: Clock) -> Self:
        if not path.exists():
            write_private(path, secrets.token_bytes(_KEY_BYTES))
        return cls(path.read_bytes(), now)

    def sign(self, scope: Scope, url: str, lifetime: timedelta, *, upsert: bool = False) -> str:
        now = self._now()
        claims = {
            "url": url,
            "scope": scope.value,
            "upsert": upsert,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def verify(self, token: str, scope: Scope, url: str) -> Grant:
        try:
            claims = jwt.decode(
                token, self._key, algorithms=[_ALGORITHM], options={"verify_exp": False}
            )
        except jwt.InvalidTokenError as error:
            raise StorageError(Failure.INVALID_JWT) from error
        if claims["exp"] <= self._now().timestamp():
            message = '"exp" claim timestamp check failed'
            raise StorageError(Failure.INVALID_JWT, message)
        if (claims["scope"], claims["url"]) != (scope.value, url):
            raise StorageError(Failure.INVALID_JWT)
        return Grant(
            expires_at=datetime.fromtimestamp(claims["exp"], tz=self._now().tzinfo),
            upsert=claims["upsert"],
        )
