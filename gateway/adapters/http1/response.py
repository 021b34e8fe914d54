"""Reads the answers of one connection: bytes in, a delivery result out. No transport, no loop.

The grammar is llhttp's in its strict mode (through httptools). What llhttp leaves to its caller is
here: the end of an answer that only the end of the connection delimits, and how much to read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.adapters.http.retry_after import retry_after_seconds
from gateway.core.delivery.disposition import Broken, Responded

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HEAD_BYTES: Final = 64 * 1024
"""Status line and headers, those of informational answers included; beyond it: Broken."""

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""What is read of one answer, its head included; beyond it the status counts."""

MAX_SAME_BYTES: Final = 2048
"""What is kept of one answer to know the next one by."""

_OPENING: Final = b"HTTP/1."
_LENGTHS: Final = frozenset(
    len(name) for name in ("content-length", "transfer-encoding", "retry-after")
)  # of the names that matter: most need no further look
_FIRST_FINAL_STATUS: Final = 200
_INFORMATIONAL: Final = frozenset({100, *range(102, _FIRST_FINAL_STATUS)})  # 101 ends HTTP

# Frozen, so that all answers of a status may share one: making it is a good part of reading it.
_answered = lru_cache(maxsize=1000)(Responded)


class ResponseReader:
    """Reads one answer at a time; `expect()` makes it ready for the next one.

    `begun` says whether any byte of the answer came. Once there is a result, `reusable` says
    whether the connection can carry another request.
    """

    __slots__ = (
        "_clock",
        "_delimited",
        "_limit",
        "_opening",
        "_parser",
        "_result",
        "_retry_after",
        "_same",
        "_same_result",
        "_size",
        "_status",
        "begun",
        "reusable",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._parser = HttpResponseParser(self)
        self._same: bytes | None = None
        self._same_result: Responded | Broken | None = None
        self.begun = self.reusable = False
        self._begin()

    def expect(self) -> None:
        """Make ready for the next answer."""
        self.begun = False

    def feed(self, received: bytes) -> Responded | Broken | None:
        """Read on; return the result once there is one. However bytes are cut, it is the same."""
        if self.begun:
            return self._feed(received)
        self.begun = True
        # The bytes of a whole answer, once more: the parser would be where it is now, and say what
        # it said. Services repeat themselves but for a date: that saves 3 us of each delivery.
        if received == self._same:
            self.reusable = True
            return self._same_result
        self._begin()
        result = self._feed(received)
        if self.reusable and self._retry_after is None and len(received) <= MAX_SAME_BYTES:
            self._same, self._same_result = received, result
        return result

    def _begin(self) -> None:
        """Forget the last answer."""
        self.reusable = self._delimited = False
        self._opening: bytes | None = b""
        self._result: Responded | Broken | None = None
        self._retry_after: bytes | None = None
        self._status = self._size = 0
        self._limit = MAX_HEAD_BYTES

    def _feed(self, received: bytes) -> Responded | Broken | None:
        if self._opening is not None:
            received = self._open(received)
        while received and self._result is None:
            room = self._limit - self._size
            if not room:
                return self._too_long()
            self._parse(received[:room])
            received = received[room:]
        if received:
            self.reusable = False
        return self._result

    def end(self, error: Exception | None) -> Responded | Broken:
        """Return the result of an answer that the end of the connection cut or completed."""
        if self.begun and self._status and not self._delimited and error is None:
            return self._complete()
        cut = "in the middle of the answer" if self.begun else "without an answer"
        return Broken(f"connection closed {cut}" + (f" ({error})" if error else ""))

    def _open(self, received: bytes) -> bytes:
        """Hold bytes back until it is clear that this is HTTP/1: llhttp takes RTSP, ICE and 2.0."""
        # An empty line too many after the previous answer is a known habit of servers.
        opening = ((self._opening or b"") + received).lstrip(b"\r\n")
        if len(opening) < len(_OPENING):
            self._opening = opening
            return b""
        self._opening = None
        if not opening.startswith(_OPENING):
            start = opening[: len(_OPENING)]
            self._result = Broken(f"answer is no HTTP/1.1: it begins with {start!r}")
        return opening

    def _parse(self, piece: bytes) -> None:
        self._size += len(piece)
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._result = self._result or Broken(f"answer is no HTTP/1.1: {error}")

    def _too_long(self) -> Responded | Broken:
        if self._status:
            return self._complete()
        self._result = Broken(f"answer has more than {MAX_HEAD_BYTES} bytes of headers")
        return self._result

    def _complete(self) -> Responded:
        if self._retry_after is None:
            self._result = _answered(self._status)
        else:
            self._result = Responded(
                self._status, retry_after_seconds(self._retry_after, self._clock())
            )
        return self._result

    # What httptools calls. An exception in here would only come back as a parser error.

    def on_message_begin(self) -> None:
        """Take note of bytes that follow a complete answer: nobody asked for them."""
        if self._result is not None:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what the result or the end of the answer depends on."""
        if len(name) not in _LENGTHS or self._status:  # the latter: a trailer
            return
        name = name.lower()
        if name == b"content-length" or (
            name == b"transfer-encoding" and b"chunked" in value.lower()
        ):
            self._delimited = True
        elif name == b"retry-after" and self._retry_after is None:
            self._retry_after = value

    def on_headers_complete(self) -> None:
        """Take the status; an informational answer only announces the one that counts."""
        if self._result is not None:
            return
        status = self._parser.get_status_code()
        if status >= _FIRST_FINAL_STATUS:
            self._status = status
            self._limit = MAX_ANSWER_BYTES
        elif status in _INFORMATIONAL:
            self._delimited = False
            self._retry_after = None
        else:
            self._result = Broken(f"answer has status {status}, which completes no request")

    def on_message_complete(self) -> None:
        """Settle the result, unless the answer was an informational one."""
        if self._status and self._result is None:
            self._complete()
            self.reusable = self._parser.should_keep_alive()
