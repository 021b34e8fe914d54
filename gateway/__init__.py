"""The SQS version gateway: the one consumer of a queue, with canaries behind it."""

__version__ = "0.2.0"
