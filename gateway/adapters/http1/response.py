"""Reads the responses of one connection: bytes in, a result out. No transport, no event loop.

The grammar is llhttp's in strict mode (through httptools). What llhttp leaves to its caller is
here: a response that only the end of its connection delimits, and how much to read. What a result
is, subclasses say.
"""

from __future__ import annotations

from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES: Final = 64 * 1024
"""Status line and headers, those of informational responses included."""

_OPENING: Final = b"HTTP/1."
_FRAMING: Final = (b"content-length", b"transfer-encoding")
_FIRST_FINAL_STATUS: Final = 200
_INFORMATIONAL: Final = frozenset({100, *range(102, _FIRST_FINAL_STATUS)})  # 101 ends HTTP


class ResponseReader:
    """Reads one response at a time; `expect()` makes it ready for the next one.

    `header` is the name, in lower case, of the one header whose first value is kept. `max_bytes`
    limits what is read of one response, its head included. `restarts_timeout`: the timeout of an
    exchange counts from the last piece received, not from the request.

    `begun` says whether any byte of the response has arrived. Once there is a result, `reusable`
    says whether the connection can carry another request.
    """

    __slots__ = (
        "_delimited",
        "_header",
        "_header_value",
        "_lengths",
        "_limit",
        "_max_bytes",
        "_opening",
        "_parser",
        "_result",
        "_size",
        "_status",
        "begun",
        "restarts_timeout",
        "reusable",
    )

    def __init__(self, header: bytes, max_bytes: int, *, restarts_timeout: bool = False) -> None:
        self._header = header
        # Most names differ in length from those that matter: they need no further look.
        self._lengths = frozenset(len(name) for name in (*_FRAMING, header))
        self._max_bytes = max_bytes
        self._parser = HttpResponseParser(self)
        self.restarts_timeout = restarts_timeout
        self.begun = False
        self._begin()

    def expect(self) -> None:
        """Make ready for the next response."""
        self.begun = False

    def feed(self, received: bytes) -> Any:
        """Read on; return the result, or None while the response is incomplete.

        The result does not depend on how the bytes are cut into pieces.
        """
        if not self.begun:
            self.begun = True
            self._begin()
        return self._feed(received)

    def end(self, error: Exception | None) -> Any:
        """Return the result of a response that the end of its connection cut or completed."""
        if self.begun and self._status and not self._delimited and error is None:
            return self._complete()
        return self._cut(error)

    def timed_out(self, seconds: float) -> Any:
        """Return the result of an exchange that took more than `seconds`."""
        raise NotImplementedError

    # What a subclass makes of a response.

    def _complete(self) -> Any:
        """Set and return the result of a complete response."""
        raise NotImplementedError

    def _cut(self, error: Exception | None) -> Any:
        """Return the result of a response that is incomplete at the end of its connection."""
        raise NotImplementedError

    def _reject(self, why: str) -> None:
        """Set the result for bytes that are not one response."""
        raise NotImplementedError

    def _misread(self, why: str) -> None:
        """Set the result for bytes that are not HTTP/1.1."""
        self._reject(f"response is not HTTP/1.1: {why}")

    def _exceed(self) -> None:
        """Set the result of a response whose body goes beyond `max_bytes`."""
        raise NotImplementedError

    def _surplus(self) -> None:
        """Note that bytes follow a complete response, to no request."""
        self.reusable = False

    # How it is read.

    def _begin(self) -> None:
        """Forget the last response."""
        self.reusable = False
        self._delimited = False
        self._opening: bytes | None = b""
        self._result: Any = None
        self._header_value: bytes | None = None
        self._status = 0
        self._size = 0
        self._limit = MAX_HEAD_BYTES

    def _feed(self, received: bytes) -> Any:
        if self._opening is not None:
            received = self._open(received)
        while received and self._result is None:
            room = self._limit - self._size
            if not room:
                self._outgrow()
                break
            self._parse(received[:room])
            received = received[room:]
        if received:
            self._surplus()
        return self._result

    def _open(self, received: bytes) -> bytes:
        """Hold bytes back until it is clear that this is HTTP/1: llhttp takes RTSP, ICE and 2.0."""
        # Some servers send an empty line too many after the previous response.
        opening = ((self._opening or b"") + received).lstrip(b"\r\n")
        if len(opening) < len(_OPENING):
            self._opening = opening
            return b""
        self._opening = None
        if not opening.startswith(_OPENING):
            start = opening[: len(_OPENING)]
            self._misread(f"it begins with {start!r}")
        return opening

    def _parse(self, piece: bytes) -> None:
        self._size += len(piece)
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._misread(str(error))

    def _outgrow(self) -> None:
        if self._status:
            self._exceed()
        else:
            self._reject(f"response has more than {MAX_HEAD_BYTES} bytes of headers")

    # What httptools calls. An exception in here would only come back as a parser error.

    def on_message_begin(self) -> None:
        """Notice another response behind a complete one."""
        if self._result is not None:
            self._surplus()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what the result, or the end of the response, depends on."""
        if len(name) not in self._lengths or self._status:  # the latter: a trailer
            return
        name = name.lower()
        if name == b"content-length" or (
            name == b"transfer-encoding" and b"chunked" in value.lower()
        ):
            self._delimited = True
        elif name == self._header and self._header_value is None:
            self._header_value = value

    def on_headers_complete(self) -> None:
        """Keep the status; an informational response precedes the one that counts."""
        if self._result is not None:
            return
        status = self._parser.get_status_code()
        if status >= _FIRST_FINAL_STATUS:
            self._status = status
            self._limit = self._max_bytes
        elif status in _INFORMATIONAL:
            self._delimited = False
            self._header_value = None
        else:
            self._reject(f"response has status {status}, which completes no request")

    def on_message_complete(self) -> None:
        """Complete the result, unless the response was an informational one."""
        if self._status and self._result is None:
            self._complete()
            self.reusable = self._parser.should_keep_alive()
