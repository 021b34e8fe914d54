"""Reads SQS's response to a call: its whole body, or one of botocore's errors.

A response that is cut off, too long, or followed by more bytes is an error: it confirms nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

from gateway.adapters.http1.response import ResponseReader

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""Ten messages of 1 MiB, each character of them escaped as JSON does it at its longest."""


class Response(NamedTuple):
    """A complete response; `query_error` is the header with an error's code from before JSON."""

    status: int
    body: bytes
    query_error: str


class BodyReader(ResponseReader):
    """Reads responses into `Response`, or into errors that name the endpoint's `url`.

    Each piece of a response restarts the timeout of its call, as in botocore.
    """

    __slots__ = ("_pieces", "_url")

    def __init__(self, url: str, max_bytes: int = MAX_RESPONSE_BYTES) -> None:
        self._url = url
        self._pieces: list[bytes] = []
        super().__init__(b"x-amzn-query-error", max_bytes, restarts_timeout=True)

    def expect(self) -> None:
        """Make ready for the next response, and free the last one."""
        self.begun = False
        self._begin()

    def timed_out(self, seconds: float) -> Exception:  # noqa: ARG002 - nor the seconds
        """Return the error of a call that had no byte of its response for `seconds`."""
        error: Exception = ReadTimeoutError(endpoint_url=self._url)
        return error

    def _begin(self) -> None:
        super()._begin()
        self._opening = None  # llhttp alone decides what is HTTP, at the first byte that is not
        self._pieces = []

    def _complete(self) -> Response:
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        result = Response(self._status, body, (self._header_value or b"").decode("latin-1"))
        self._result = result
        return result

    def _cut(self, error: Exception | None) -> Exception:  # noqa: ARG002 - botocore gives no cause
        closed: Exception = ConnectionClosedError(endpoint_url=self._url)
        return closed

    def _reject(self, why: str) -> None:
        self.reusable = False
        self._result = HTTPClientError(error=why)

    def _exceed(self) -> None:
        self._reject(f"response is too long: more than {self._max_bytes} bytes")

    def _surplus(self) -> None:
        if isinstance(self._result, Response):  # which of them is to this request?
            self._reject("more than one response came")

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(piece)
