"""The SQS version gateway: one consumer of a shared queue that canaries the asynchronous path."""

__version__ = "0.2.0"
