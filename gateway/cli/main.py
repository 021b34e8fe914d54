"""The command line: the parser of all commands, and what every command has in common."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from gateway import __version__
from gateway.aiokit.signals import SIGNALS
from gateway.cli import check, demo, explain, health, iam, run, schema
from gateway.cli.arguments import add_settings, print_problems
from gateway.cli.exit_status import FAILED, PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = (check, explain, iam, schema, health, demo)
"""The modules of the commands, in the order of `--help`."""

LONG_RUNNING: Final = (run.run, demo.run)
"""Commands that end in order at a signal; others have nothing to put in order."""

RECURSION_LIMIT: Final = 5_000
"""JSON may nest to 1,000 levels, and Python's own limit counts our frames too.

Source: docs/reference/routing-file-semantics.md
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    from gateway.config.problems.problem import ProblemsFound

    sys.setrecursionlimit(RECURSION_LIMIT)
    arguments = _parser().parse_args(argv)
    if arguments.command not in LONG_RUNNING:
        SIGNALS.exit_on_stop()
    try:
        return int(arguments.command(arguments))
    except ProblemsFound as found:
        print_problems(found.problems)
        return PROBLEMS
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as with `| head`
        return FAILED


def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """Return every command's parser by how it is called, for the reference page."""
    parser = _parser()
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001 - argparse shows its subparsers nowhere else
    named = {f"gateway {name}": sub for name, sub in actions[0].choices.items()}
    return {"gateway": parser, **named}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway",
        description="The only consumer of a shared SQS queue: forwards each message to the stable"
        " or the canary version of a service.",
        epilog="Without a command it runs the gateway until SIGTERM or SIGINT.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    add_settings(parser)
    parser.set_defaults(command=run.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.add_to(commands)
    return parser
