"""`gateway demo`: the whole chain on this machine, under load, with an account of every message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.exit_status import INTERRUPTED

if TYPE_CHECKING:
    import argparse

    from gateway.cli.arguments import Commands


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    text = "embedded SQS, services A-D, the gateway, a load and a summary, on this machine"
    parser = commands.add_parser("demo", help=text, description=text)
    parser.add_argument("--messages", type=int, default=2_000, metavar="N")
    parser.add_argument("--keep-running", action="store_true", help="keep all up to look at")
    parser.add_argument(
        "--with-envoy", action="store_true", help="send as many requests through Envoy beside"
    )
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return the exit status."""
    from gateway.demo import run as run_demo

    try:
        return run_demo(
            arguments.messages,
            keep_running=arguments.keep_running,
            with_envoy=arguments.with_envoy,
        )
    except KeyboardInterrupt:
        return INTERRUPTED
