"""`python -m gateway demo`: queue, services and gateway on one machine, under load.

An embedded SQS, the services A, B, B1, C, C1 and D and the gateway as users run it, each in a
process of its own on loopback; then a load, and an audit of every message.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

EXTRA: Final = ("ministack", "rich")
WITHOUT_EXTRA: Final = (
    "the demo needs its extra: pipx install 'sqs-version-gateway[demo]',"
    " or in a virtual environment pip install 'sqs-version-gateway[demo]'"
)
FAILED: Final = 1
USAGE: Final = 2


def run(
    messages: int, *, keep_running: bool, with_envoy: bool = False, full_chain: bool = False
) -> int:
    """Run the demo and return its exit status: 0 if every check passed.

    The full chain ends by itself, and has no mesh.
    """
    if messages < 1:
        print(f"--messages {messages}: must be 1 or more", file=sys.stderr)
        return USAGE
    if full_chain and (keep_running or with_envoy):
        print("--full-chain: not with --keep-running or --with-envoy", file=sys.stderr)
        return USAGE
    if not all(find_spec(name) for name in EXTRA):
        print(WITHOUT_EXTRA, file=sys.stderr)
        return FAILED
    from gateway.demo.mesh.envoy import explain_missing_envoy, find_envoy  # noqa: PLC0415 - like all below

    envoy = find_envoy() if with_envoy else None
    if with_envoy and not envoy:
        print(explain_missing_envoy(), file=sys.stderr)
        return FAILED
    import asyncio  # noqa: PLC0415 - like all below: a service of the demo starts without it

    import uvloop  # noqa: PLC0415 - like all below: only now is it sure that the extra is there

    from gateway.demo.full_chain.output import FullChainOutput  # noqa: PLC0415
    from gateway.demo.full_chain.scenario import run_full_chain  # noqa: PLC0415
    from gateway.demo.output import Output  # noqa: PLC0415
    from gateway.demo.scenario import run_demo  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if full_chain:
            return runner.run(run_full_chain(messages, FullChainOutput(Output())))
        return runner.run(
            run_demo(messages, keep_running=keep_running, envoy=envoy, output=Output())
        )
