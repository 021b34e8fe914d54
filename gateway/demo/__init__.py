"""`python -m gateway demo`: queue, services and gateway on one machine, under load.

An embedded SQS, the services A, B, B1, C, C1 and D and the gateway as users run it, each in a
process of its own on loopback; then a load, and an audit of every message.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTRA: Final = ("ministack", "rich")
WITHOUT_EXTRA: Final = (
    "the demo needs its extra: pipx install 'sqs-version-gateway[demo]',"
    " or in a virtual environment pip install 'sqs-version-gateway[demo]'"
)
KAFKA_EXTRA: Final = ("confluent_kafka",)
WITHOUT_KAFKA: Final = (
    "--kafka needs the extra `kafka` too: pipx install 'sqs-version-gateway[demo,kafka]',"
    " or in a virtual environment pip install 'sqs-version-gateway[demo,kafka]'"
)
FAILED: Final = 1
USAGE: Final = 2


DEFAULT_MESSAGES: Final = 2_000


def run(
    messages: int = DEFAULT_MESSAGES,
    *,
    keep_running: bool,
    with_envoy: bool = False,
    full_chain: bool = False,
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
    if not _has_extra():
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


def run_with_kafka(messages: int = DEFAULT_MESSAGES, *, keep_running: bool) -> int:
    """Run the demo with a topic in the place of the queue; return its exit status, likewise."""
    if messages < 1:
        print(f"--messages {messages}: must be 1 or more", file=sys.stderr)
        return USAGE
    if not _has_extra(*KAFKA_EXTRA):
        return FAILED
    import asyncio  # noqa: PLC0415 - as in run()

    import uvloop  # noqa: PLC0415 - as in run()

    from gateway.demo.kafka.output import KafkaOutput  # noqa: PLC0415
    from gateway.demo.kafka.scenario import run_kafka  # noqa: PLC0415
    from gateway.demo.output import Output  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        output = KafkaOutput(Output())
        return runner.run(run_kafka(messages, keep_running=keep_running, output=output))


def run_scenario(
    name: str,
    messages: int | None = None,
    rate: int | None = None,
    steps: Sequence[int] | None = None,
) -> int:
    """Run a scenario and return its exit status: 0 if every check passed.

    `messages` is the least number of them, `rate` how many a second, `steps` the canary's weights
    in per cent, rising. None: the scenario's own.
    """
    for option, number in (("--messages", messages), ("--rate", rate)):
        if number is not None and number < 1:
            print(f"{option} {number}: must be 1 or more", file=sys.stderr)
            return USAGE
    if not _has_extra():
        return FAILED
    import asyncio  # noqa: PLC0415 - as in run()

    import uvloop  # noqa: PLC0415 - as in run()

    from gateway.demo.follow.output import FollowOutput  # noqa: PLC0415
    from gateway.demo.follow.plan import FOLLOW  # noqa: PLC0415
    from gateway.demo.follow.scenario import run_follow  # noqa: PLC0415
    from gateway.demo.output import Output  # noqa: PLC0415
    from gateway.demo.rollout.output import TrialOutput  # noqa: PLC0415
    from gateway.demo.rollout.plan import PLANS, changed  # noqa: PLC0415
    from gateway.demo.rollout.scenario import run_rollout  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if name == FOLLOW.name:
            followed = changed(FOLLOW, messages, rate, steps)
            return runner.run(run_follow(followed, FollowOutput(Output())))
        plan = changed(PLANS[name], messages, rate, steps)
        return runner.run(run_rollout(plan, TrialOutput(Output())))


def _has_extra(*others: str) -> bool:
    """Whether the packages of the demo are there, and others; says how to get them where not."""
    if not all(find_spec(name) for name in EXTRA):
        print(WITHOUT_EXTRA, file=sys.stderr)
        return False
    if not all(find_spec(name) for name in others):
        print(WITHOUT_KAFKA, file=sys.stderr)
        return False
    return True
