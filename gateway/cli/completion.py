"""`gateway completion`: prints a script that completes commands, flags and names of routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.arguments import add_parser, epilog
from gateway.cli.completion_scripts import SHELLS
from gateway.cli.exit_status import OK, PROBLEMS

if TYPE_CHECKING:
    import argparse

    from gateway.cli.arguments import Commands


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    end = epilog(
        {OK: "the script is on stdout", PROBLEMS: "a wrong command line"},
        "source <(gateway completion bash)",
        "source <(gateway completion zsh)",
        "gateway completion fish > ~/.config/fish/completions/gateway.fish",
    )
    text = "print the script that completes commands, flags and routes of a running gateway"
    parser = add_parser(commands, "completion", run, text, end)
    parser.add_argument("shell", choices=SHELLS, help="your shell")


def run(arguments: argparse.Namespace) -> int:
    """Print the script for all parsers, which the arguments have; return the exit status."""
    from gateway.cli.completion_places import places_of

    print(SHELLS[arguments.shell](places_of(arguments.parsers())), end="")
    return OK
