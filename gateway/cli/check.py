"""`gateway check`: validates the routing file, and prints `ok` or every problem."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gateway.cli.arguments import (
    OF_PROBLEMS,
    add_file_command,
    epilog,
    print_problems,
    routing_table,
)
from gateway.cli.exit_status import OK, PROBLEMS

if TYPE_CHECKING:
    import argparse

    from gateway.cli.arguments import Commands


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    end = epilog(
        {OK: "the file is good; ok on stdout", PROBLEMS: f"{OF_PROBLEMS}; each on stdout"},
        "gateway check routes.yaml",
        "GATEWAY_CONFIG=routes.yaml gateway check",
    )
    add_file_command(commands, "check", run, "validate the routing file", end)


def run(arguments: argparse.Namespace) -> int:
    """Validate the routing file; return the exit status."""
    from gateway.config.problems.problem import ProblemsFound

    try:
        routing_table(arguments)
    except ProblemsFound as found:
        print_problems(found.problems, sys.stdout)
        return PROBLEMS
    print("ok")
    return OK
