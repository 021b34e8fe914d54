"""`python -m gateway demo`: the whole story on one machine.

An embedded SQS, the services A, B, B1, C, C1 and D, the gateway as its users run it, a load, and an
account of every single message. Everything is a process of its own and speaks over loopback.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

EXTRA: Final = ("ministack", "rich")
FAILED: Final = 1
USAGE: Final = 2


def run(messages: int, *, keep_running: bool, with_envoy: bool = False) -> int:
    """Run the demo and return its exit status: 0 only if every check held."""
    if messages < 1:
        print(f"--messages {messages}: must be 1 or more", file=sys.stderr)
        return USAGE
    if not all(find_spec(name) for name in EXTRA):
        print("the demo needs its extra: pip install 'sqs-version-gateway[demo]'", file=sys.stderr)
        return FAILED
    from gateway.demo.mesh.envoy import found_envoy, missing_words  # noqa: PLC0415 - like all below

    envoy = found_envoy() if with_envoy else None
    if with_envoy and not envoy:
        print(missing_words(), file=sys.stderr)
        return FAILED
    import asyncio  # noqa: PLC0415 - like all below: a service of the demo starts without it

    import uvloop  # noqa: PLC0415 - like all below: only now is it sure that the extra is there

    from gateway.demo.output import Output  # noqa: PLC0415
    from gateway.demo.scenario import tell  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(tell(messages, keep_running=keep_running, envoy=envoy, output=Output()))
