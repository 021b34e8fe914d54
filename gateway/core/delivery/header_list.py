"""A list of headers within a number of bytes; what does not fit is left out.

Each value is made legal.
Omitted and encoded headers are named in headers of their own, which count too.
"""

from __future__ import annotations

import re
from typing import Final

OMITTED: Final = "x-gateway-omitted"
ENCODED: Final = "x-aws-sqsd-encoded"
BINARY: Final = "x-aws-sqsd-binary"

_LEGAL = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?\Z")
_CUT: Final = "..."
_LINE_BYTES: Final = len(": \r\n")
_COMMA_BYTES: Final = len(", ")


class Header:
    """A header with its legal value; None: it does not fit in any case.

    Where it is left out, `default` is sent in its place, if it has one. `binary` is the name to
    list among the binary attributes.
    """

    __slots__ = ("binary", "default", "encoded", "name", "sent_bytes", "unsent_bytes", "value")

    def __init__(
        self, name: str, value: str | None, default: str | None = None, binary: str | None = None
    ) -> None:
        self.encoded = value is not None and not _LEGAL.match(value)
        self.name = name
        self.value = encode(value) if value is not None and self.encoded else value
        self.default = default
        self.binary = binary
        self.sent_bytes = _line_bytes(name, self.value or "")
        if self.encoded:
            self.sent_bytes += _listed_bytes(name)
        if binary is not None:
            self.sent_bytes += _listed_bytes(binary)
        self.unsent_bytes = _listed_bytes(name)
        if default is not None:
            self.unsent_bytes += _line_bytes(name, default)


class HeaderList:
    """Headers in the order in which they are sent; the optional ones fit into `room` bytes.

    Of these, what is added first is left out last, but all of `late` before any other. `encoded`
    and `binary` are the headers that list such values.
    """

    def __init__(self, room: int, encoded: str = ENCODED, binary: str = BINARY) -> None:
        self._room = room
        self._encoded = encoded
        self._binary = binary
        self._items: list[Header] = []
        self._optional: list[Header] = []
        self._late: list[Header] = []

    def add(self, name: str, value: str) -> None:
        """Append a header that is sent in any case."""
        self._items.append(Header(name, value))

    def add_optional(
        self,
        name: str,
        value: str,
        default: str | None = None,
        binary: str | None = None,
        *,
        late: bool = False,
    ) -> None:
        """Append a header that is left out, or falls to its default, where it does not fit."""
        if len(value) > self._room:  # so that a value of 1 MiB is not encoded in vain
            self.omit(name, default)
            return
        header = Header(name, value, default, binary)
        self._items.append(header)
        (self._late if late else self._optional).append(header)

    def omit(self, name: str, default: str | None = None) -> None:
        """Leave a header out, and send its default if it has one."""
        self._items.append(Header(name, None, default))

    def render(self) -> str:
        """Return the lines, each with CR LF at its end."""
        never = {item for item in self._items if item.value is None}
        lines = self._lines(never)
        return lines if len(lines) <= self._room else self._lines(self._unsent(never))

    def _unsent(self, never: set[Header]) -> set[Header]:
        """Return what is left out; behind a large header a smaller one may still fit."""
        optional = [*self._optional, *self._late]
        unsent = never.union(optional)
        used = sum(_line_bytes(name, "") for name in (OMITTED, self._encoded, self._binary))
        used += _listed_bytes(OMITTED)
        used += sum(
            each.unsent_bytes if each in unsent else each.sent_bytes for each in self._items
        )
        for header in optional:
            if used + header.sent_bytes - header.unsent_bytes <= self._room:
                used += header.sent_bytes - header.unsent_bytes
                unsent.remove(header)
        return unsent

    def _lines(self, unsent: set[Header]) -> str:
        sent = [each for each in self._items if each not in unsent]
        lines = [_line(each, unsent) for each in self._items]
        encoded = [each.name for each in sent if each.encoded]
        if binary := [each.binary for each in sent if each.binary is not None]:
            lines.append(f"{self._binary}: {', '.join(binary)}\r\n")
        if omitted := [each.name for each in self._items if each in unsent]:
            used = sum(map(len, lines)) + _line_bytes(self._encoded, ", ".join([*encoded, OMITTED]))
            listed = self._listed(omitted, self._room - used - _line_bytes(OMITTED, ""))
            lines.append(f"{OMITTED}: {listed.value}\r\n")
            encoded += [OMITTED] if listed.encoded else []
        if encoded:
            lines.append(f"{self._encoded}: {', '.join(encoded)}\r\n")
        return "".join(lines)

    def _listed(self, names: list[str], room: int) -> Header:
        """Return the list of these names; where they are too many for the room it ends early."""
        listed = Header(OMITTED, ", ".join(names))
        while len(listed.value or "") > room and len(names) > 1:
            names = [*names[:-2], _CUT]
            listed = Header(OMITTED, ", ".join(names))
        return listed


def _line(header: Header, unsent: set[Header]) -> str:
    value = header.default if header in unsent else header.value
    return "" if value is None else f"{header.name}: {value}\r\n"


def encode(value: str) -> str:
    """Percent-encode `%` and every byte but visible ASCII and inner spaces and tabs."""
    raw = value.encode("utf-8", "surrogatepass")
    inner = range(len(raw) - len(raw.lstrip(b" \t")), len(raw.rstrip(b" \t")))
    return "".join(
        chr(byte) if byte in _PLAIN or (byte in b" \t" and at in inner) else f"%{byte:02X}"
        for at, byte in enumerate(raw)
    )


def _line_bytes(name: str, value: str) -> int:
    return len(name) + len(value) + _LINE_BYTES


def _listed_bytes(name: str) -> int:
    """Return what a name takes in a list, encoded if it has to be."""
    plain = "%" not in name and _LEGAL.match(name)
    return len(name if plain else encode(name)) + _COMMA_BYTES


_PLAIN: Final = frozenset(range(0x21, 0x7F)) - {ord("%")}
