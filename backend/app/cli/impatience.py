"""Uvicorn's HTTP/1.1 protocol with limits on the time and memory that one client may take.

Uvicorn itself only limits how long a connection may be idle. It limits neither how slowly a client
sends a request or reads an answer, nor the size of a request's headers.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADERS_SECONDS: Final = 8.0
"""Time limit for the headers, from the first byte of a request or from opening the connection."""

BODY_SECONDS: Final = 20.0
"""Time limit for the body, from the end of the headers. Bodies are small: files go to Storage."""

READING_SECONDS: Final = 60.0
"""How far a client may fall behind, in all, while it reads an answer."""

SLOWEST_BYTES: Final = 16_384
"""A client that reads fewer bytes than this in a second falls behind."""

WHOLE_SECONDS: Final = 900.0
"""How long a client may take to read one answer, however steadily it reads."""

LOOKS: Final = 20
"""How often within READING_SECONDS the progress of a reading client is checked."""

HEAD_BYTES: Final = 32 * 1024
"""Largest size of a request's address and headers together, including trailers."""

HEADERS: Final = 100
"""Largest number of headers of a request."""

_TOO_LARGE: Final = b"The request's headers are too large."


class HeadTooLargeError(Exception):
    """Raised in a callback of the parser, so that it stops parsing."""


class ImpatientProtocol(HttpToolsProtocol):
    """Closes the connection of a client that sends a request or reads an answer too slowly.

    It is closed without an answer. Browsers open connections before they need them, and would take
    an error that is sent now for the answer to the request that they send next.
    """

    _awaited: float | None = None
    """Seconds that the part which is being received may take; None between requests."""

    _timed: float | None = None
    """The value of `_awaited` for which the timer was set."""

    _held_up = False
    """Whether reading was paused by this server, and not by the client, when the timer last ran."""

    _head_bytes = 0
    """Size of the present request's address and headers that the parser has passed on so far."""

    _headers = 0

    _unparsed = 0
    """Upper bound of the bytes that the parser holds: it keeps a header until it is complete."""

    _sending: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    _looked = (0.0, 0)
    """Time of the last check, and the number of bytes that the client had not read then."""

    _behind = 0.0
    """Seconds by which the client is behind one that reads SLOWEST_BYTES a second."""

    _reading_for = 0.0
    """Seconds for which the server has waited for the client to read the present answer."""

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
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()
        # The timer starts only here, because nearly all requests arrive whole and need none.
        self._set_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited = HEADERS_SECONDS
        self._head_bytes = self._headers = 0

    def on_url(self, url: bytes) -> None:
        self._unparsed = 0
        self._head_bytes += len(url)
        if self._head_bytes > HEAD_BYTES:
            raise HeadTooLargeError
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # Called for every header of every request, so without calls of its own.
        self._headers += 1
        self._head_bytes += len(name) + len(value)
        self._unparsed = 0
        if self._headers > HEADERS or self._head_bytes > HEAD_BYTES:
            raise HeadTooLargeError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._awaited = BODY_SECONDS
        self._held_up = False
        self._unparsed = 0

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._awaited = None
        self._unparsed = 0

    def send_400_response(self, msg: str) -> None:
        if self._head_is_too_large():
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._behind = self._reading_for = 0.0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
            self._count()

    def _look_later(self) -> None:
        self._looked = (self.loop.time(), self.transport.get_write_buffer_size())
        self._reading = self.loop.call_later(READING_SECONDS / LOOKS, self._look)

    def _look(self) -> None:
        """End the connection of a client that has fallen too far behind."""
        self._count()
        if self._behind >= READING_SECONDS or self._reading_for >= WHOLE_SECONDS:
            self.transport.abort()
        else:
            self._look_later()

    def _count(self) -> None:
        since, unread = self._looked
        seconds = self.loop.time() - since
        read = unread - self.transport.get_write_buffer_size()
        self._reading_for += seconds
        self._behind = max(self._behind + seconds - read / SLOWEST_BYTES, 0.0)

    def _head_is_too_large(self) -> bool:
        return self._head_bytes > HEAD_BYTES or self._headers > HEADERS

    def _refuse_head(self) -> None:
        # While an earlier request is being answered, the client would take this for its answer.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]  # None at first
            lines = [
                STATUS_LINE[431] + b"content-type: text/plain; charset=utf-8",
                b"content-length: %d" % len(_TOO_LARGE),
                b"connection: close",
            ]
            self.transport.write(b"\r\n".join([*lines, b"", _TOO_LARGE]))
        self.transport.close()

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
            # The server itself had stopped reading, so the missing bytes may have arrived long
            # ago. The client gets the whole time once more.
            self._timed = None
            self._set_timer()
        else:
            self.transport.abort()
