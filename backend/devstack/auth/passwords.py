"""Passwords of development accounts: scrypt at a cost of about 20 ms."""

import asyncio
import hashlib
import hmac
import os
from typing import Final

_N: Final = 2**13
_SALT_BYTES: Final = 16


async def hash_password(password: str) -> str:
    salt = os.urandom(_SALT_BYTES)
    return f"{salt.hex()}${(await asyncio.to_thread(_derive, password, salt)).hex()}"


async def verify_password(password: str, hashed: str | None) -> bool:
    if not hashed:
        return False
    salt, expected = map(bytes.fromhex, hashed.split("$"))
    return hmac.compare_digest(await asyncio.to_thread(_derive, password, salt), expected)


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=8, p=1)
