"""Published content in memory. Versions are immutable, so nothing in here ever goes stale."""

import uuid
from collections import OrderedDict

MAX_PINS = 50_000


class ContentCache:
    """The least recently used version leaves first; `max_bytes` bounds the whole.

    It also remembers which version an enrollment is pinned to, which never changes: so a reader
    can tell the database what it need not send.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._bodies: OrderedDict[uuid.UUID, bytes] = OrderedDict()
        self._pins: OrderedDict[uuid.UUID, uuid.UUID] = OrderedDict()

    def get(self, enrollment_id: uuid.UUID) -> tuple[uuid.UUID, bytes] | None:
        """Return the version that the enrollment is pinned to and its content, if both are here."""
        version_id = self._pins.get(enrollment_id)
        body = self._bodies.get(version_id) if version_id else None
        if version_id is None or body is None:
            return None
        self._bodies.move_to_end(version_id)
        return version_id, body

    def put(self, enrollment_id: uuid.UUID, version_id: uuid.UUID, body: bytes) -> None:
        self._pins[enrollment_id] = version_id
        if len(self._pins) > MAX_PINS:
            self._pins.popitem(last=False)
        if len(body) > self._max_bytes or version_id in self._bodies:
            return
        self._bodies[version_id] = body
        self._bytes += len(body)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._bodies.popitem(last=False)[1])
