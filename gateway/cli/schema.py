"""`gateway schema`: prints the JSON Schema of the routing file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.arguments import add_parser, epilog
from gateway.cli.exit_status import OK

if TYPE_CHECKING:
    import argparse

    from gateway.cli.arguments import Commands


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    text = "print the JSON Schema of the routing file"
    end = epilog({OK: "the schema is on stdout"}, "gateway schema > routes.schema.json")
    add_parser(commands, "schema", run, text, end)


def run(_arguments: argparse.Namespace) -> int:
    """Print the schema; return the exit status."""
    import json

    from gateway.config.schema.routing_file import json_schema

    print(json.dumps(json_schema(), indent=2))
    return OK
