"""Any bytes as a service's response: one result, however they are cut, and no memory of them.

An input is the number of cuts (one byte), the sizes of the cuts, and the response. A part of the
response between two \\xff\\xff that begins with \\xfd and a number is repeated 64 times the number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.adapters.http.status_reader import MAX_RESPONSE_BYTES, StatusReader
from gateway.core.delivery.disposition import Broken, Responded, describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NOW: Final = 1_800_000_000.0
MOST_CUTS: Final = 24
MOST_BYTES: Final = 2 * MAX_RESPONSE_BYTES
SMALL: Final = 4_096
NEXT: Final = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok"
RESET: Final = ConnectionResetError(104, "reset")


def check(given: bytes) -> None:
    """Read the response whole, cut, and byte by byte."""
    sizes, response = _parts(given)
    for error in (None, RESET):
        whole = _read(_cut(response, []), error)
        _check_result(response, *whole)
        assert _read(_cut(response, sizes), error) == whole
        if whole[1]:
            _check_repeated(response, sizes, error, whole)
        if len(response) <= SMALL:
            assert _read(_cut(response, [1] * len(response)), error) == whole


def _check_repeated(
    response: bytes, sizes: bytes, error: Exception | None, whole: tuple[Responded | Broken, bool]
) -> None:
    """Read it again and again on one connection, which knows a response that it has had before."""
    reader = StatusReader(lambda: NOW)
    for cuts in (b"", b"", sizes, b""):
        assert _fed(reader, _cut(response, cuts), error) == whole
    for changed in (response[:-1], response[:1] + response, response + b"x", response.swapcase()):
        reader = StatusReader(lambda: NOW)
        _fed(reader, [response], error)
        assert _fed(reader, _cut(changed, b""), error) == _read(_cut(changed, b""), error)


def _parts(given: bytes) -> tuple[bytes, bytes]:
    cuts = given[0] % MOST_CUTS if given else 0
    response = b"".join(map(_repeated, given[1 + cuts :].split(b"\xff\xff")))
    return given[1 : 1 + cuts], response[:MOST_BYTES]


def _repeated(part: bytes) -> bytes:
    if part[:1] != b"\xfd" or len(part) < 3:
        return part
    return part[2:] * min(part[1] * 64, MOST_BYTES // (len(part) - 2))


def _cut(response: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    for size in sizes:
        if response and size:
            yield response[:size]
            response = response[size:]
    if response:
        yield response


def _read(pieces: Iterable[bytes], error: Exception | None) -> tuple[Responded | Broken, bool]:
    """Read as a connection does; return the result and whether the connection is of use."""
    reader = StatusReader(lambda: NOW)
    result, reusable = _fed(reader, pieces, error)
    if reusable:
        reader.expect()
        assert reader.feed(NEXT) == Responded(202), "a response leaves nothing to the next one"
    return result, reusable


def _fed(
    reader: StatusReader, pieces: Iterable[bytes], error: Exception | None
) -> tuple[Responded | Broken, bool]:
    reader.expect()
    result, behind = None, b""
    for piece in pieces:
        if result is not None:
            behind += piece
            continue
        result = reader.feed(piece)
        assert len(reader._opening or b"") < len(b"HTTP/1."), "what may be no HTTP is not kept"
    if result is None:
        return reader.end(error), False
    assert reader.begun
    # A line end too many is passed over where it comes with the response, and else closes.
    return result, reader.reusable and not behind.strip(b"\r\n")


def _check_result(response: bytes, result: Responded | Broken, reusable: bool) -> None:  # noqa: FBT001
    match result:
        case Responded(status, retry_after):
            assert 200 <= status <= 999
            assert re.search(rb"HTTP/1\.\d+ +%d" % status, response), "a status that was not sent"
            assert retry_after is None or 0 <= retry_after < 1e12
            assert retry_after is None or b"retry-after" in response.lower()
        case Broken(why):
            assert not reusable
            assert "callback" not in why, "that would be an exception of ours"
            assert len(describe(result)) < 500
