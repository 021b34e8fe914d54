"""Headers one by one, each value looked at, made legal, and left out where it has no room."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MAX_ATTRIBUTE_BYTES: Final = 8 * 1024
"""For all headers made of attributes together: Node.js refuses more than 16 KiB in all."""

_LEGAL = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?\Z")


@dataclass(slots=True)
class HeaderList:
    """Headers in order, and which of them had to be encoded or left out."""

    items: list[tuple[str, str]] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)
    omitted: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Append a header, its value made legal."""
        if not _LEGAL.match(value):
            value = encode(value)
            self.encoded.append(name)
        self.items.append((name, value))

    def add_within(self, name: str, value: str, room: int) -> int:
        """Append if it fits into `room` bytes, else name it as omitted; return the bytes used."""
        fits = len(value) <= room  # looked at first: a value of 1 MiB is not worth encoding
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
    """Percent-encode every byte that is no visible ASCII or inner space or tab, and each `%`."""
    raw = value.encode("utf-8", "surrogatepass")
    inner = range(len(raw) - len(raw.lstrip(b" \t")), len(raw.rstrip(b" \t")))
    return "".join(
        chr(byte) if byte in _PLAIN or (byte in b" \t" and at in inner) else f"%{byte:02X}"
        for at, byte in enumerate(raw)
    )


_PLAIN: Final = frozenset(range(0x21, 0x7F)) - {ord("%")}
