"""What commands share: their parsers, the settings, the routing file and how problems are printed.

A command's module has `add_to(commands)`, which adds its parser, and imports in its functions what
it needs to run, so that no command waits for the imports of another.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from _typeshed import SupportsWrite

    from gateway.config.checks.kafka_settings import SettingNames
    from gateway.config.problems.problem import Problem
    from gateway.config.settings import Settings
    from gateway.core.routing.route import RoutingTable

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it
    """What argparse adds the parsers of commands to."""

    Command = Callable[[argparse.Namespace], int]
    """Runs a command and returns its exit status."""

FLAGS: Final = {
    "config": ("FILE", "the routing file"),
    "admin_host": (
        "HOST",
        "where the admin port listens (default: every address of IPv4 and IPv6)",
    ),
    "admin_port": ("PORT", "the admin port, 0 for any free one (default: 8080)"),
    "log_level": ("LEVEL", "DEBUG, INFO, WARNING or ERROR (default: INFO)"),
    "log_format": ("text|json", "the log on stderr (default: text on a terminal, else json)"),
    "drain_seconds": (
        "SECONDS",
        "how long a soft stop waits for deliveries (default: 25)",
    ),
    "sqs_client": (
        "native|aiobotocore",
        "what receives, deletes, extends and sends (default: native)",
    ),
}
"""The settings that have a flag: metavar and help. Written out, since settings are slow to load."""

SETTINGS: Final = tuple(FLAGS)

OF_PROBLEMS: Final = "a problem in the routing file or a setting"


def add_parser(
    commands: Commands, name: str, command: Command, text: str, epilog: str
) -> argparse.ArgumentParser:
    """Add a command; return its parser."""
    parser = commands.add_parser(
        name, help=text, description=text, epilog=epilog, formatter_class=Formatter
    )
    parser.set_defaults(command=command)
    return parser


def add_file_command(
    commands: Commands, name: str, command: Command, text: str, epilog: str
) -> argparse.ArgumentParser:
    """Add a command that reads the routing file; return its parser."""
    parser = add_parser(commands, name, command, text, epilog)
    add_file(parser)
    # Suppressed where absent, so that it does not hide a --config given before the command.
    parser.add_argument(
        "--config", default=argparse.SUPPRESS, metavar="FILE", help="the same as FILE"
    )
    return parser


class Parser(argparse.ArgumentParser):
    """Fails where its help cannot be written; newer releases of argparse say nothing then."""

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        print(message, end="", file=file or sys.stderr)


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of an epilog."""


def epilog(statuses: Mapping[int, str], *examples: str) -> str:
    """Return the end of a command's help: what it exits with, and examples."""
    lines = [f"  {status:<3} {text}" for status, text in statuses.items()]
    return "\n".join(["exit statuses:", *lines, "", "examples:", *(f"  {e}" for e in examples)])


def duration(text: str) -> float:
    """Return the seconds of `60s`, `5m` or a number of seconds, for argparse."""
    from gateway.config.problems.findings import InvalidValue
    from gateway.config.schema import durations

    try:
        return durations.seconds(float(text) if text.replace(".", "", 1).isdecimal() else text)
    except (InvalidValue, ValueError):
        raise argparse.ArgumentTypeError(f"is not a duration: {durations.FORMS}") from None


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the routing file without a flag."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="the routing file (default: GATEWAY_CONFIG)"
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting that may be given on the command line."""
    settings = parser.add_argument_group("settings", "each wins over GATEWAY_<NAME>")
    for name, (metavar, text) in FLAGS.items():
        settings.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=text)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings; raises ProblemsFound."""
    from gateway.config.settings import load_settings

    given = {name: getattr(arguments, name, None) for name in SETTINGS}
    given["config"] = _named_file(given["config"], getattr(arguments, "file", None))
    return load_settings(given)


def _named_file(flag: str | None, positional: str | None) -> str | None:
    if flag is None or positional is None or flag == positional:
        return positional if flag is None else flag
    from gateway.config.problems.problem import Problem, ProblemsFound

    what = f"two routing files are named, {positional} and {flag}"
    raise ProblemsFound((Problem("command line", None, "--config", what, "say one of them"),))


def routing_file(settings: Settings) -> Path:
    """Return the routing file's path; raises ProblemsFound where none is named."""
    from pathlib import Path

    from gateway.config.problems.problem import Problem, ProblemsFound

    if settings.config is None:
        hint = "name it: routes.yaml, --config routes.yaml, or GATEWAY_CONFIG"
        raise ProblemsFound(
            (Problem("command line", None, "--config", "no routing file is named", hint),)
        )
    return Path(settings.config)


def routing_table(arguments: argparse.Namespace) -> RoutingTable:
    """Return the table of the routing file that the arguments name; raises ProblemsFound.

    Prints a warning for each variable that has no effect.
    """
    from gateway.config import file

    print_warnings()
    return file.read(routing_file(settings_of(arguments)), setting_names)


def setting_names() -> SettingNames:
    """Return what knows the names of a Kafka client's settings."""
    from gateway.adapters.kafka.setting_names import SettingNames

    return SettingNames()


def print_warnings() -> None:
    """Print a line to stderr for each `GATEWAY_*` variable that is not used as it is."""
    from gateway.config.problems.findings import to_one_line
    from gateway.config.settings import environment_warnings

    for warning in environment_warnings(os.environ):
        print(to_one_line(f"warning: environment: {warning}"), file=sys.stderr)


def print_problems(problems: Sequence[Problem], stream: TextIO | None = None) -> None:
    """Print each problem (to stderr by default), and their number to stderr."""
    for problem in problems:
        print(problem, file=stream or sys.stderr)
    count = len(problems)
    print(f"{count} problem{'s' if count > 1 else ''}", file=sys.stderr)
