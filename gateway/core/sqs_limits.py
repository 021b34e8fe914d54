"""The limits of SQS, each in one place.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
and https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""

from __future__ import annotations

from typing import Final

MAX_BATCH_ENTRIES: Final = 10
"""Messages of one ReceiveMessage, and entries of one batch call."""

MAX_ATTRIBUTES: Final = 10
"""Message attributes of one message."""

MAX_MESSAGE_BYTES: Final = 1_048_576
"""Body and attributes of one message together; also of all entries of one SendMessageBatch."""

MAX_VISIBILITY_SECONDS: Final = 12 * 3600
"""The longest visibility timeout, counted from the receive: extending does not reset it."""

MAX_WAIT_SECONDS: Final = 20
"""The longest long poll."""
