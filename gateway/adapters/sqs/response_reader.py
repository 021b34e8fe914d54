"""Reads the answers of one connection to SQS: bytes in, a whole answer out. No transport, no loop.

The grammar is llhttp's in its strict mode (through httptools). An answer is whole or it is none:
one that is cut off, too long, or followed by what nobody asked for is refused.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Ten messages of 1 MiB, each character of them escaped as JSON does it at its longest."""

_FIRST_FINAL_STATUS: Final = 200


class Answer(NamedTuple):
    """An answer; `query_error` is the header that has an error's code from before JSON."""

    status: int
    body: bytes
    query_error: str


class Unreadable(Exception):  # noqa: N818 - an outcome, told in botocore's words later
    """What came is no answer to one request."""


class ResponseReader:
    """Reads one answer at a time; `expect()` makes it ready for the next one."""

    __slots__ = (
        "_complete", "_delimited", "_parser", "_pieces", "_query_error", "_size", "_status",
        "_surplus", "begun", "reusable",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.expect()

    def expect(self) -> None:
        """Forget the last answer."""
        self.begun = self.reusable = False
        self._complete = self._delimited = self._surplus = False
        self._pieces: list[bytes] = []
        self._query_error = ""
        self._status = self._size = 0

    def feed(self, received: bytes) -> Answer | None:
        """Read on; return the answer once it is whole. Raises Unreadable."""
        self.begun = True
        self._size += len(received)
        try:
            self._parser.feed_data(received)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise Unreadable(f"it is no HTTP/1.1: {error}") from error
        if self._surplus:
            raise Unreadable("more than one answer came")
        if self._complete:
            return self._answer()
        if self._size > (MAX_ANSWER_BYTES if self._status else MAX_HEAD_BYTES):
            raise Unreadable("it is too long")
        return None

    def end(self) -> Answer | None:
        """Return an answer that the end of the connection completed; None where it was cut."""
        return self._answer() if self._status and not self._delimited else None

    def _answer(self) -> Answer:
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Answer(self._status, body, self._query_error)

    # What httptools calls. An exception in here would only come back as a parser error.

    def on_message_begin(self) -> None:
        """Take note of an answer that nobody asked for."""
        if self._complete:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what the code of an error or the end of the answer depends on."""
        if self._status:  # a trailer, or surplus
            return
        name = name.lower()
        if name in {b"content-length", b"transfer-encoding"}:
            self._delimited = True
        elif name == b"x-amzn-query-error":
            self._query_error = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Take the status; an informational answer only announces the one that counts."""
        if self._status:
            return
        status = self._parser.get_status_code()
        if status >= _FIRST_FINAL_STATUS:
            self._status = status
        else:
            self._delimited, self._query_error = False, ""

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Call the answer whole, unless it was an informational one."""
        if self._status and not self._complete:
            self._complete = True
            self.reusable = self._parser.should_keep_alive()
