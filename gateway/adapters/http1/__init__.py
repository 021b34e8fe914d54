"""An HTTP/1.1 client on httptools, used by the HTTP target and by the native SQS client.

What to read of a response, and how its outcomes are called, is the caller's: a `ResponseReader`.
"""
