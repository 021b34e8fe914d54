"""The full chain while the gateway is killed: every order at D, none crossed, doubles with a cause.

`gateway demo --full-chain` with an SQS that keeps a history of each message (tools/emulator), and
SIGKILLs for the gateway in the middle of the load. Run it with `python -m tools.chain`.
"""
