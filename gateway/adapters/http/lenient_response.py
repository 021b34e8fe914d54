"""Reads a response that is not strict HTTP/1.1 but can mean only one thing.

It is asked only where the strict parser has refused: work that was done would be done again for the
sake of a blank. What RFC 9112 lets a client take: line ends without CR (2.2), folded headers (5.2),
blanks before the colon (5.1), one Content-Length several times (6.3), blanks in a line of a chunk.
Refused is what two readers may end at two places: Transfer-Encoding with Content-Length, different
lengths, a bare CR.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\Z")
_NAME = re.compile(rb"[!#-'*+.^_`|~0-9A-Za-z-]+\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}\Z")
_SIZE_SO_FAR = re.compile(rb"[0-9A-Fa-f]{0,15}[ \t]*(?:;[^\r\n]*)?\r?\Z")
_BLANKS: Final = b" \t"
_SWITCHING: Final = 101
_FIRST_FINAL: Final = 200
_WITHOUT_BODY: Final = frozenset({204, 304})


class LenientResponse(NamedTuple):
    """A complete response: its status, and the first value of the header asked for."""

    status: int
    value: bytes | None


def read_leniently(raw: bytes, header: bytes, *, ended: bool = False) -> LenientResponse | None:
    """Return the response in all bytes of a connection since the request; None: incomplete.

    `header` is a name in lower case. `ended`: the service has closed. Raises ValueError where the
    bytes are no response, or an ambiguous one.
    """
    informational = False
    while True:
        raw = raw.lstrip(b"\r\n")
        first, raw_left = _line(raw)
        if first is None and informational:
            return None
        found = None if first is None else _STATUS_LINE.match(first)
        if found is None or int(found[1]) == _SWITCHING:
            raise ValueError("no status line of HTTP/1.1")
        headers, body = _headers(raw_left)
        if headers is None:
            return None
        status = int(found[1])
        if status >= _FIRST_FINAL:
            break
        raw = body
        informational = True
    if status not in _WITHOUT_BODY and not _has_all(headers, body, ended=ended):
        return None
    return LenientResponse(status, next((value for name, value in headers if name == header), None))


def _line(raw: bytes) -> tuple[bytes | None, bytes]:
    """Return the first line and what follows; None where it is incomplete."""
    line, end, left = raw.partition(b"\n")
    if not end:
        return None, raw
    line = line.removesuffix(b"\r")
    if b"\r" in line or b"\0" in line:
        raise ValueError("a bare CR or a NUL")
    return line, left


def _headers(raw: bytes) -> tuple[list[tuple[bytes, bytes]] | None, bytes]:
    """Return names in lower case and values, and what follows; None where they are incomplete."""
    headers: list[tuple[bytes, bytes]] = []
    while True:
        line, raw = _line(raw)
        if line is None:
            return None, raw
        if not line:
            return headers, raw
        if line[:1] in (b" ", b"\t"):
            if not headers:
                raise ValueError("a blank before the first header")
            name, value = headers.pop()
            headers.append((name, (value + b" " + line.strip(_BLANKS)).strip(_BLANKS)))
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(_BLANKS).lower()
        if not colon or not _NAME.match(name):
            raise ValueError("a line that is no header")
        headers.append((name, value.strip(_BLANKS)))


def _has_all(headers: list[tuple[bytes, bytes]], body: bytes, *, ended: bool) -> bool:
    """Return whether the body is complete."""
    lengths = _members(headers, b"content-length")
    codings = [coding.lower() for coding in _members(headers, b"transfer-encoding")]
    if lengths and codings:
        raise ValueError("Content-Length and Transfer-Encoding: its end is ambiguous")
    if lengths:
        if len(set(lengths)) > 1 or not _LENGTH.match(lengths[0]):
            raise ValueError("different or invalid Content-Lengths: its end is ambiguous")
        return len(body) >= int(lengths[0])
    if b"chunked" not in codings:
        return ended
    if codings.index(b"chunked") != len(codings) - 1:
        raise ValueError("chunked is not the last coding")
    return _has_all_chunks(body)


def _members(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    values = (value for each, value in headers if each == name)
    return [member.strip(_BLANKS) for value in values for member in value.split(b",")]


def _has_all_chunks(body: bytes) -> bool:
    while True:
        line, body = _line(body)
        if line is None:
            if not _SIZE_SO_FAR.match(body):
                raise ValueError("a chunk without a size")
            return False
        size = line.partition(b";")[0].strip(_BLANKS)
        if not _SIZE.match(size):
            raise ValueError("a chunk without a size")
        length = int(size, 16)
        if not length:
            return _headers(body)[0] is not None  # the trailers
        end, body = body[length : length + 2], body[length:]
        if len(end) < 2 and end in (b"", b"\r"):  # noqa: PLR2004 - CR LF
            return False
        if not body.startswith((b"\r\n", b"\n")):
            raise ValueError("a chunk of another size")
        _, body = _line(body)
