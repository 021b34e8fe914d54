"""A small, fast SQS in memory, with a history of each message.

The rules of a queue are in tools/sqs_model. This adds queue attributes, the JSON protocol with its
checks and errors, long polls, and faults. Only `app`, `polls`, `wire` and `running` know an event
loop; only `app` reads a clock. The SenderId of a message is that of the credentials that sent it
(gateway/demo/senders.py). Left out: the query protocol, checks of signatures, policies, tags,
message retention, the 60 seconds between deleting a queue and making it again, and move tasks.

Run it as a process of its own with `python -m tools.emulator --port 0`.
"""
