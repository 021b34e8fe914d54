"""A small, fast SQS in memory, with a ledger of everything that happened to each message.

The model (everything but `app`, `wire`, `control` and `running`) is pure: it waits for nothing and
reads no clock; the time comes in with each call. What it leaves out: the query protocol, signatures
and policies, tags, message retention, the 60 seconds between deleting a queue and making it again,
and move tasks.

Run it as a process of its own with `python -m tools.emulator --port 0`.
"""
