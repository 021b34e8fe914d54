"""Receipt handles: opaque to clients, readable for the queue that gave them out."""

from __future__ import annotations

from typing import Final

from tools.emulator.errors import no_receipt

_PREFIX: Final = "AQEB"
_PADDING: Final = "0" * 148
"""Real ones have some 180 characters and more; a bench shall pay for carrying them."""


class Receipts:
    """Makes and reads the receipt handles of one queue."""

    def __init__(self, queue_number: int) -> None:
        self._stamp = f"{_PREFIX}{queue_number:08x}"
        self._length = len(self.make(0, 0))

    def make(self, sequence: int, receive_count: int) -> str:
        """Return the handle for one receive of one message."""
        return f"{self._stamp}{sequence:012x}{receive_count:08x}{_PADDING}"

    def sequence_of(self, receipt: str) -> int:
        """Return whose handle it is; raises SqsError where this queue never made it."""
        start = len(self._stamp)
        if len(receipt) != self._length or not receipt.startswith(self._stamp):
            raise no_receipt(receipt)
        try:
            return int(receipt[start : start + 12], 16)
        except ValueError:
            raise no_receipt(receipt) from None
