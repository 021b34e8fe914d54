"""`gateway demo`: the whole chain on this machine, under load, with an account of every message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.arguments import add_parser, epilog
from gateway.cli.exit_status import FAILED, INTERRUPTED, OK, PROBLEMS

if TYPE_CHECKING:
    import argparse

    from gateway.cli.arguments import Commands


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
    )
    parser = add_parser(commands, "demo", run, text, end)
    parser.add_argument(
        "--messages", type=int, default=2_000, metavar="N", help="to send (default: 2000)"
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


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return the exit status."""
    from gateway.demo import run as run_demo

    try:
        return run_demo(
            arguments.messages,
            keep_running=arguments.keep_running,
            with_envoy=arguments.with_envoy,
            full_chain=arguments.full_chain,
        )
    except KeyboardInterrupt:
        return INTERRUPTED
