"""Published content in memory. What a key names is immutable, so nothing here ever goes stale."""

import uuid
from collections.abc import Callable

from cachetools import LRUCache

MAX_PINS = 50_000


class ContentCache:
    """Drops the least recently used version when it would exceed `max_bytes`.

    It also remembers the version that each enrollment is pinned to, which never changes. With that
    a reader can tell the database that it has the content and need not be sent it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._bodies: LRUCache[uuid.UUID | str, bytes] = LRUCache(max_bytes, getsizeof=len)
        self._pins: LRUCache[uuid.UUID, uuid.UUID] = LRUCache(MAX_PINS)

    def get(self, enrollment_id: uuid.UUID) -> tuple[uuid.UUID, bytes] | None:
        """Return the version that the enrollment is pinned to and its content, if both are here."""
        version_id = self._pins.get(enrollment_id)
        body = self._bodies.get(version_id) if version_id else None
        return None if version_id is None or body is None else (version_id, body)

    def put(self, enrollment_id: uuid.UUID, version_id: uuid.UUID, body: bytes) -> None:
        self._pins[enrollment_id] = version_id
        self._keep(version_id, body)

    def shown(self, sha256: str, make: Callable[[], bytes]) -> bytes:
        """Return content that is another by office, from here or by making it."""
        body = self._bodies.get(sha256)
        if body is None:
            body = make()
            self._keep(sha256, body)
        return body

    def _keep(self, key: uuid.UUID | str, body: bytes) -> None:
        if len(body) <= self._bodies.maxsize:
            self._bodies[key] = body
