"""What commands share: their parsers, the settings, the routing file and how problems are printed.

A command's module has `add_to(commands)`, which adds its parser, and imports in its functions what
it needs to run, so that no command waits for the imports of another.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.config.problems.problem import Problem
    from gateway.config.settings import Settings
    from gateway.core.routing.route import RoutingTable

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it
    """What argparse adds the parsers of commands to."""

    Command = Callable[[argparse.Namespace], int]
    """Runs a command and returns its exit status."""

SETTINGS: Final = (
    "config",
    "admin_host",
    "admin_port",
    "log_level",
    "log_format",
    "drain_seconds",
    "sqs_client",
)
"""The settings that have a flag."""


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting that may be given on the command line."""
    settings = parser.add_argument_group("settings", "each wins over GATEWAY_<NAME>")
    settings.add_argument("--config", metavar="FILE", help="the routing file")
    settings.add_argument("--admin-host", metavar="HOST")
    settings.add_argument("--admin-port", metavar="PORT")
    settings.add_argument("--log-level", metavar="LEVEL")
    settings.add_argument("--log-format", metavar="text|json")
    settings.add_argument("--drain-seconds", metavar="SECONDS")
    settings.add_argument("--sqs-client", metavar="native|aiobotocore")


def add_command(
    commands: Commands, name: str, command: Command, text: str
) -> argparse.ArgumentParser:
    """Add a command that reads the routing file; return its parser."""
    parser = commands.add_parser(name, help=text, description=text)
    # Suppressed where absent, so that it does not hide a --config given before the command.
    parser.add_argument("--config", default=argparse.SUPPRESS, metavar="FILE")
    parser.set_defaults(command=command)
    return parser


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings; raises ProblemsFound."""
    from gateway.config.settings import load_settings

    return load_settings({name: getattr(arguments, name, None) for name in SETTINGS})


def routing_file(settings: Settings) -> Path:
    """Return the routing file's path; raises ProblemsFound where none is named."""
    from pathlib import Path

    from gateway.config.problems.problem import Problem, ProblemsFound

    if settings.config is None:
        hint = "say --config routes.yaml, or set GATEWAY_CONFIG"
        raise ProblemsFound(
            (Problem("command line", None, "--config", "no routing file is named", hint),)
        )
    return Path(settings.config)


def routing_table(arguments: argparse.Namespace) -> RoutingTable:
    """Return the table of the routing file that the arguments name; raises ProblemsFound."""
    from gateway.config import file

    return file.read(routing_file(settings_of(arguments)))


def print_problems(problems: Sequence[Problem], stream: TextIO | None = None) -> None:
    """Print each problem (to stderr by default), and their number to stderr."""
    for problem in problems:
        print(problem, file=stream or sys.stderr)
    count = len(problems)
    print(f"{count} problem{'s' if count > 1 else ''}", file=sys.stderr)
