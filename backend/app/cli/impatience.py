"""HTTP/1.1 that waits for nobody for long: uvicorn itself only limits idle connections."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_SECONDS: Final = 8.0
"""From the first byte of a request, or from the connection, to the end of its headers."""

BODY_SECONDS: Final = 20.0
"""From there to the end of its body: files go to Storage, so bodies are small."""

READING_SECONDS: Final = 60.0
"""How long a client may leave what was sent to it unread."""


class ImpatientProtocol(HttpToolsProtocol):
    """Ends connections whose client is too slow to send a request or to read an answer.

    They end without an answer: browsers open connections ahead of need, and would take one for
    the answer to what they ask next.
    """

    _sending: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._expect_within(HEADERS_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._sending is None:
            self._expect_within(HEADERS_SECONDS)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._expect_within(BODY_SECONDS)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._expect_nothing()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._sending = self.loop.call_later(seconds, self._end, seconds)

    def _expect_nothing(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _end(self, seconds: float) -> None:
        if self.flow.read_paused:
            # What is missing may be here already: it is this side that does not read on.
            self._expect_within(seconds)
        else:
            self.transport.abort()
