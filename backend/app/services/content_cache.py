"""Published content in memory. Versions are immutable, so nothing in here ever goes stale."""

import uuid
from collections import OrderedDict


class ContentCache:
    """The least recently used version leaves first; `max_bytes` bounds the whole."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[uuid.UUID, bytes] = OrderedDict()

    def get(self, version_id: uuid.UUID) -> bytes | None:
        body = self._entries.get(version_id)
        if body is not None:
            self._entries.move_to_end(version_id)
        return body

    def put(self, version_id: uuid.UUID, body: bytes) -> None:
        if len(body) > self._max_bytes or version_id in self._entries:
            return
        self._entries[version_id] = body
        self._bytes += len(body)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._entries.popitem(last=False)[1])
