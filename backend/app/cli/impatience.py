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

    _awaited: float | None = None
    """How long what comes next may take; None between requests."""

    _timed: float | None = None
    """What the timer was set for."""

    _held_up = False
    """Whether it was this side that did not read on when the timer last ended."""

    _sending: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._awaited = HEADERS_SECONDS
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._awaited = None
        self._set_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._awaited = self._awaited or HEADERS_SECONDS
        super().data_received(data)
        # Only now: a request that came as a whole, as nearly all do, needs no timer.
        self._set_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited = HEADERS_SECONDS

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._awaited = BODY_SECONDS
        self._held_up = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._awaited = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _set_timer(self) -> None:
        if self._timed == self._awaited:
            return
        if self._sending is not None:
            self._sending.cancel()
        self._timed, self._sending = self._awaited, None
        if self._awaited is not None:
            self._sending = self.loop.call_later(self._awaited, self._end)

    def _end(self) -> None:
        held_up, self._held_up = self._held_up, self.flow.read_paused
        if held_up or self._held_up:
            # What is missing may be here already, and reading it takes a while, too.
            self._timed = None
            self._set_timer()
        else:
            self.transport.abort()
