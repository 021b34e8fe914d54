"""The command line: the parser of all commands, and what every command has in common."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway import __version__
from gateway.aiokit.signals import SIGNALS
from gateway.cli import (
    check,
    completion,
    demo,
    drain_queue,
    explain,
    health,
    iam,
    peek,
    rollout,
    run,
    schema,
    status,
    streams,
    weight,
)
from gateway.cli.arguments import Formatter, Parser, add_file, add_settings, epilog, print_problems
from gateway.cli.exit_status import DIFFERS, FAILED, OK, PROBLEMS, TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMMANDS: Final = (
    check, explain, iam, schema, health, status, rollout, weight, peek, drain_queue, completion,
    demo,
)  # fmt: skip
"""The modules of the commands, in the order of `--help`."""

LONG_RUNNING: Final = (run.run, drain_queue.run, demo.run)
"""Commands that end in order at a signal; others have nothing to put in order."""

END: Final = "Without a command it runs the gateway until SIGTERM or SIGINT.\n\n" + epilog(
    {
        OK: "success; after a soft stop",
        FAILED: "any other failure, a hard stop included",
        PROBLEMS: "a problem in the routing file, the settings or the input",
        DIFFERS: "explain --expect: a decision differs",
        TIMED_OUT: "rollout status --wait: neither promoted nor aborted in time",
    },
    "gateway routes.yaml",
    "gateway --config routes.yaml --admin-port 9000 --log-format text",
    "GATEWAY_CONFIG=routes.yaml gateway",
    "gateway check routes.yaml",
    "gateway COMMAND --help",
)

RECURSION_LIMIT: Final = 5_000
"""JSON may nest to 1,000 levels, and Python's own limit counts our frames too.

Source: docs/reference/routing-file-semantics.md
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    streams.occupy()
    streams.accept_any_text()
    try:
        try:
            return _run(parse(sys.argv[1:] if argv is None else argv))
        finally:
            streams.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        with suppress(OSError):
            print(f"gateway: {error.strerror or error}", file=sys.stderr)
    streams.discard()
    return FAILED


def _run(arguments: argparse.Namespace) -> int:
    from gateway.config.problems.problem import ProblemsFound

    if arguments.command not in LONG_RUNNING:
        SIGNALS.exit_on_stop()
    try:
        return int(arguments.command(arguments))
    except ProblemsFound as found:
        print_problems(found.problems)
        return PROBLEMS


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; `gateway FILE` is `gateway --config FILE`. Raises SystemExit."""
    if not _names_a_file(argv):
        return _parser().parse_args(argv)
    parser = Parser(prog="gateway")
    add_settings(parser)
    add_file(parser)
    parser.set_defaults(command=run.run)
    return parser.parse_args(argv)


def _names_a_file(argv: Sequence[str]) -> bool:
    """Return whether the first word that belongs to no flag is a file and no command."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    add_settings(parser)
    add_file(parser)
    try:
        word = parser.parse_known_args(argv)[0].file
    except argparse.ArgumentError:  # told by the parser of all commands
        return False
    if word is None or f"gateway {word}" in command_parsers():
        return False
    return "/" in word or "." in word or Path(word).exists()


def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """Return every command's parser by how it is called, those of verbs below commands too."""
    return dict(_with_those_below("gateway", _parser()))


def _with_those_below(
    name: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield name, parser
    for action in parser._actions:  # noqa: SLF001 - argparse shows its subparsers nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for word, below in action.choices.items():
                yield from _with_those_below(f"{name} {word}", below)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="gateway",
        description="The only consumer of a shared SQS queue, or of a group on a Kafka topic:\n"
        "forwards each message to the stable or the canary version of a service.",
        epilog=END,
        formatter_class=Formatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    add_settings(parser)
    parser.set_defaults(command=run.run, parsers=command_parsers)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.add_to(commands)
    return parser
