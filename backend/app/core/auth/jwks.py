"""The signing keys of the Supabase project, fetched when needed and kept through an outage."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import structlog
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWKError, PyJWKSetError

from app.core.errors import UnavailableError

log = structlog.get_logger(__name__)

ALGORITHMS = frozenset({"ES256", "RS256"})
MAX_AGE_SECONDS = 600
COOLDOWN_SECONDS = 30
KEPT_SECONDS = 24 * 3600
"""How long known keys are used during an outage: as long as the longest token may be valid."""

MAX_BYTES = 256 * 1024
MAX_ABSENT = 1024


class KeysUnavailableError(UnavailableError):
    code = "auth_keys_unavailable"
    title = "The sign-in service cannot be reached"

    def __init__(self, retry_after_seconds: int = COOLDOWN_SECONDS) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__()


class JwksKeys:
    """Keys by `kid`.

    Fetched at most every `COOLDOWN_SECONDS`, by one caller at a time, after `MAX_AGE_SECONDS` or
    when an unknown kid turns up. After a failed fetch the known keys are used for up to a day. An
    unknown kid may belong to a key that is newer than the last fetched set. Until a set has been
    fetched after the first request with it, KeysUnavailableError (503) is raised, because the
    token may be valid.
    """

    def __init__(
        self,
        url: str,
        client: httpx.AsyncClient,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._client = client
        self._now = monotonic
        self._lock = asyncio.Lock()
        self._keys: dict[str, PyJWK] | None = None
        self._absent: OrderedDict[str, None] = OrderedDict()
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")

    async def get(self, kid: str) -> PyJWK | None:
        """Return the key, None where the project has none of this name."""
        if self._is_fresh() and self._keys is not None and kid in self._keys:
            return self._keys[kid]
        asked_at = self._now()
        async with self._lock:
            known = self._keys is not None and kid in self._keys
            if not (known and self._is_fresh()) and self._may_fetch():
                await self._fetch()
        if self._keys is None or self._age() >= KEPT_SECONDS:
            raise KeysUnavailableError
        if kid in self._keys:
            return self._keys[kid]
        self._look_up_absent(kid, asked_at)
        return None

    def _look_up_absent(self, kid: str, asked_at: float) -> None:
        """Return if a set fetched after the first request with this kid does not have it."""
        if kid not in self._absent and self._fetched_at < asked_at:
            raise KeysUnavailableError(self._seconds_to_fetch())
        self._absent[kid] = None
        self._absent.move_to_end(kid)
        if len(self._absent) > MAX_ABSENT:
            self._absent.popitem(last=False)

    def _seconds_to_fetch(self) -> int:
        return max(1, math.ceil(self._tried_at + COOLDOWN_SECONDS - self._now()))

    def _age(self) -> float:
        return self._now() - self._fetched_at

    def _is_fresh(self) -> bool:
        return self._age() < MAX_AGE_SECONDS

    def _may_fetch(self) -> bool:
        return self._now() - self._tried_at >= COOLDOWN_SECONDS

    async def _fetch(self) -> None:
        self._tried_at = self._now()
        try:
            response = await self._client.get(self._url, follow_redirects=False)
            response.raise_for_status()
            if len(response.content) > MAX_BYTES:
                raise PyJWKSetError("the key set is too large")  # noqa: TRY003, TRY301  # handled below like every unusable answer
            self._keys = _read(orjson.loads(response.content))
            self._fetched_at = self._tried_at
        except (httpx.HTTPError, ValueError, TypeError, PyJWKSetError, PyJWKError) as error:
            log.warning("jwks_fetch_failed", reason=type(error).__name__)


def _read(document: Any) -> dict[str, PyJWK]:  # noqa: ANN401  # whatever the server sent
    if not isinstance(document, dict):
        raise TypeError
    # A project on the legacy secret publishes an empty set, which PyJWKSet refuses.
    if document.get("keys") == []:
        return {}
    keys = PyJWKSet.from_dict(document).keys
    return {key.key_id: key for key in keys if key.key_id and key.algorithm_name in ALGORITHMS}
