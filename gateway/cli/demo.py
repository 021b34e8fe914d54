"""`gateway demo`: the whole chain on this machine, under load, with an account of every message."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from gateway.cli.arguments import add_parser, epilog
from gateway.cli.exit_status import FAILED, INTERRUPTED, OK, PROBLEMS

if TYPE_CHECKING:
    import argparse

    from gateway.cli.arguments import Commands

SCENARIOS: Final = ("good-canary", "bad-canary", "slow-canary", "follow")
MOST_WEIGHT: Final = 100


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    text = "embedded SQS, services A-D, the gateway, a load and a summary, on this machine"
    end = epilog(
        {
            OK: "every message took the path that it should",
            FAILED: "one did not, or the demo could not run",
            PROBLEMS: "a wrong command line",
            INTERRUPTED: "ended by Ctrl-C (143: by SIGTERM, 129: by SIGHUP)",
        },
        "gateway demo",
        "gateway demo --messages 100 --keep-running",
        "gateway demo --full-chain",
        "gateway demo --kafka",
        "gateway demo --scenario bad-canary",
    )
    parser = add_parser(commands, "demo", run, text, end)
    parser.add_argument(
        "--messages",
        type=int,
        metavar="N",
        help="to send (default: 2000); with --scenario: at least (default: 6000)",
    )
    parser.add_argument(
        "--keep-running", action="store_true", help="keep all up to look at, until Ctrl-C"
    )
    parser.add_argument(
        "--with-envoy", action="store_true", help="send as many requests through Envoy beside"
    )
    parser.add_argument(
        "--full-chain",
        action="store_true",
        help="two queues, services that know nothing of versions, three ways in one table",
    )
    parser.add_argument(
        "--kafka", action="store_true", help="a Kafka topic in the place of the queue"
    )
    parser.add_argument(
        "--scenario",
        choices=SCENARIOS,
        help="a canary on trial before two gateways: promoted, rolled back by itself, or moved by"
        " a VirtualService that they follow",
    )
    parser.add_argument(
        "--rate", type=int, metavar="N", help="messages a second of a scenario (default: 300)"
    )
    parser.add_argument(
        "--steps",
        type=_steps,
        metavar="N,N",
        help="the canary's weights in a scenario, in %% (default: 1,5,25,50,100; follow: 10,30,60)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return the exit status."""
    if why := _misfit(arguments):
        print(why, file=sys.stderr)
        return PROBLEMS
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    from gateway.demo import DEFAULT_MESSAGES, run_scenario, run_with_kafka
    from gateway.demo import run as run_demo

    if arguments.scenario is not None:
        return run_scenario(arguments.scenario, arguments.messages, arguments.rate, arguments.steps)
    messages = DEFAULT_MESSAGES if arguments.messages is None else arguments.messages
    if arguments.kafka:
        return run_with_kafka(messages, keep_running=arguments.keep_running)
    return run_demo(
        messages,
        keep_running=arguments.keep_running,
        with_envoy=arguments.with_envoy,
        full_chain=arguments.full_chain,
    )


def _misfit(arguments: argparse.Namespace) -> str:
    """Return why the options do not fit together, "" where they do."""
    given = vars(arguments)
    if arguments.scenario is None:
        if odd := [name for name in ("rate", "steps") if given[name] is not None]:
            return f"--{odd[0]}: only with --scenario"
        if arguments.kafka and (arguments.with_envoy or arguments.full_chain):
            return "--kafka: not with --full-chain or --with-envoy"
    elif any(given[name] for name in ("keep_running", "with_envoy", "full_chain", "kafka")):
        return "--scenario: not with --keep-running, --with-envoy, --full-chain or --kafka"
    return ""


def _steps(text: str) -> tuple[int, ...]:
    """Return weights; argparse says where one is no number or the order is wrong."""
    weights = tuple(map(int, text.split(",")))
    if list(weights) != sorted(set(weights)) or not 1 <= weights[0] <= weights[-1] <= MOST_WEIGHT:
        raise ValueError(text)
    return weights
