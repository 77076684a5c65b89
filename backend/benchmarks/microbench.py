"""Measures the token check within the process, without the noise of round trips."""

import asyncio
import statistics
import time
from collections.abc import Callable

from jwt import PyJWK

from app.core.auth.security import TokenCache, TokenVerifier
from benchmarks.dataset import Sample
from benchmarks.identity import Identity

ROUNDS = 7
HITS, MISSES = 5_000, 200


class _OneKey:
    def __init__(self, key: PyJWK) -> None:
        self._key = key

    async def get(self, kid: str) -> PyJWK | None:
        return self._key if kid == self._key.key_id else None


def token_check_us(identity: Identity, sample: Sample) -> tuple[float, float]:
    """Return the microseconds of a cached and of an unknown token; medians of rounds."""
    key = PyJWK(identity.jwks()["keys"][0])
    issuer = f"{identity.origin}/auth/v1"
    token = identity.token(sample.admin)

    def verifier(size: int) -> TokenVerifier:
        return TokenVerifier(_OneKey(key), issuer=issuer, cache=TokenCache(size, 60))

    return (
        _median_us(lambda: _repeat(verifier(10), token, HITS), HITS),
        _median_us(lambda: _repeat(verifier(0), token, MISSES), MISSES),
    )


async def _repeat(verifier: TokenVerifier, token: str, count: int) -> None:
    for _ in range(count):
        await verifier.verify(token)


def _median_us(work: Callable[[], object], count: int) -> float:
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        asyncio.run(work())  # type: ignore[arg-type]  # a coroutine
        seconds.append(time.process_time() - started)
    return statistics.median(seconds) / count * 1e6
