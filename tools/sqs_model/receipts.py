"""Receipt handles: opaque to clients, readable for the queue that made them."""

from __future__ import annotations

from typing import Final, Protocol

PREFIX: Final = "AQEB"
PADDING: Final = "0" * 148
"""Real handles have some 180 characters and more; clients are to pay for carrying them."""

_STAMP: Final = slice(0, len(PREFIX) + 8)
_NUMBER: Final = slice(_STAMP.stop, _STAMP.stop + 20)
_LENGTH: Final = _NUMBER.stop + len(PADDING)


class ReceiptFormat(Protocol):
    """What a queue asks of its receipt handles."""

    def parse(self, receipt: str) -> tuple[int, int] | None:
        """Return sequence and receive count; None where this queue did not make the handle."""


class Receipts:
    """Makes and reads the receipt handles of one queue.

    A handle is `stamp` (PREFIX and 8 hexadecimal digits for the queue), the sequence in 12 digits,
    the receive count in 8 digits, and PADDING.
    """

    def __init__(self, queue_number: int) -> None:
        self.stamp = f"{PREFIX}{queue_number:08x}"

    def make(self, sequence: int, receive_count: int) -> str:
        """Return the handle for one receive of one message."""
        return f"{self.stamp}{sequence:012x}{receive_count:08x}{PADDING}"

    def parse(self, receipt: str) -> tuple[int, int] | None:
        """Return sequence and receive count; None where this queue did not make the handle."""
        if len(receipt) != _LENGTH or receipt[_STAMP] != self.stamp:
            return None
        try:
            number = int(receipt[_NUMBER], 16)
        except ValueError:
            return None
        return number >> 32, number & 0xFFFFFFFF
