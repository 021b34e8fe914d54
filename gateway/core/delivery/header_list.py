"""A list of headers: each value is checked, made legal, and omitted where it does not fit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MAX_ATTRIBUTE_BYTES: Final = 8 * 1024
"""The bytes of all headers made of attributes together. Node.js rejects a request above 16 KiB."""

_LEGAL = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?\Z")


@dataclass(slots=True)
class HeaderList:
    """Headers in order, and the names of those that were encoded or omitted."""

    items: list[tuple[str, str]] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)
    omitted: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Append a header; a value that is not legal is percent-encoded."""
        if not _LEGAL.match(value):
            value = encode(value)
            self.encoded.append(name)
        self.items.append((name, value))

    def add_within(self, name: str, value: str, room: int) -> int:
        """Append a header if it fits into `room` bytes, else omit it; return the bytes used."""
        fits = len(value) <= room  # first, so that a value of 1 MiB is not encoded in vain
        legal = fits and bool(_LEGAL.match(value))
        sent = value if legal or not fits else encode(value)
        size = len(name) + len(sent) + len(": \r\n")
        if size > room:
            self.omitted.append(name)
            return 0
        if not legal:
            self.encoded.append(name)
        self.items.append((name, sent))
        return size


def encode(value: str) -> str:
    """Percent-encode `%` and every byte but visible ASCII and inner spaces and tabs."""
    raw = value.encode("utf-8", "surrogatepass")
    inner = range(len(raw) - len(raw.lstrip(b" \t")), len(raw.rstrip(b" \t")))
    return "".join(
        chr(byte) if byte in _PLAIN or (byte in b" \t" and at in inner) else f"%{byte:02X}"
        for at, byte in enumerate(raw)
    )


_PLAIN: Final = frozenset(range(0x21, 0x7F)) - {ord("%")}
