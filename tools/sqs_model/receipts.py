"""Receipt handles: opaque to clients, readable for the queue that made them."""

from __future__ import annotations

from typing import Final, Protocol

PREFIX: Final = "AQEB"
PADDING: Final = "0" * 148
"""Real handles have some 180 characters and more; clients are to pay for carrying them."""

_STAMP: Final = slice(0, len(PREFIX) + 8)
_KEY: Final = slice(_STAMP.stop, _STAMP.stop + 20)
_LENGTH: Final = _KEY.stop + len(PADDING)
_COUNT_BITS: Final = 32


class ReceiptFormat(Protocol):
    """What a queue asks of its receipt handles."""

    def parse(self, receipt: str) -> tuple[int, int] | None:
        """Return sequence and receive count; None where this queue did not make the handle."""


class Receipts:
    """Makes and reads the receipt handles of one queue.

    A handle is PREFIX, 28 hexadecimal digits (queue number 8, sequence 12, receive count 8) and
    PADDING.
    """

    def __init__(self, queue_number: int) -> None:
        self._base = queue_number << 80
        self._stamp = f"{PREFIX}{queue_number:08x}"

    def number(self, sequence: int, receive_count: int) -> int:
        """Return the 28 digits as a number."""
        return self._base | sequence << _COUNT_BITS | receive_count

    def make(self, sequence: int, receive_count: int) -> str:
        """Return the handle for one receive of one message."""
        return f"{PREFIX}{self.number(sequence, receive_count):028x}{PADDING}"

    def parse(self, receipt: str) -> tuple[int, int] | None:
        """Return sequence and receive count; None where this queue did not make the handle."""
        if len(receipt) != _LENGTH or receipt[_STAMP] != self._stamp:
            return None
        try:
            number = int(receipt[_KEY], 16)
        except ValueError:
            return None
        return number >> _COUNT_BITS, number & 0xFFFFFFFF
