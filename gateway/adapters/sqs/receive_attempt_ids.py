"""Attempt ids of FIFO receives: a receive whose response was lost is repeated under its id.

SQS has leased the messages of such a response, and their groups are blocked until then; a receive
with the same ReceiveRequestAttemptId gets the same messages again. Source:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator


class ReceiveAttemptIds:
    """The ids of receives that failed, each for one of the next receives to use."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    @contextmanager
    def attempt(self) -> Iterator[str]:
        """Give the id for one receive. After any exception its response may have been lost."""
        attempt_id = self._failed.pop() if self._failed else uuid4().hex
        try:
            yield attempt_id
        except BaseException:
            self._failed.append(attempt_id)
            raise
