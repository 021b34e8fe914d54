"""`gateway explain`: one decision a line as JSON, by the same code that the gateway runs."""

from __future__ import annotations

import difflib
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.arguments import OF_PROBLEMS, add_file_command, epilog, routing_table
from gateway.cli.exit_status import DIFFERS, OK, PROBLEMS
from gateway.cli.explain_follow import add_flags, files_of, followed_route
from gateway.cli.streams import STDIN, opened

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from gateway.cli.arguments import Commands
    from gateway.cli.message_input import Found
    from gateway.config.problems.problem import Problem
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Decision
    from gateway.core.routing.route import Route, RoutingTable


MOST_NAMES: Final = 50
"""The most routes that a hint lists."""


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    end = epilog(
        {
            OK: "every message is explained",
            PROBLEMS: f"{OF_PROBLEMS}, or in a message; the other messages are explained",
            DIFFERS: "--expect is given and a decision differs",
        },
        "aws sqs receive-message --queue-url URL --attribute-names All \\\n"
        "    --message-attribute-names All | gateway explain routes.yaml --messages -",
        "kcat -C -b kafka:9092 -t orders -o -10 -e -J | gateway explain routes.yaml --messages -",
        "gateway explain routes.yaml --route orders --messages - --expect canary < messages.jsonl",
        "kubectl get virtualservice b --output yaml > b.yaml\n"
        "  gateway explain routes.yaml --virtualservice b.yaml --messages messages.jsonl",
    )
    parser = add_file_command(commands, "explain", run, "print the decision for each message", end)
    parser.add_argument(
        "--route", metavar="NAME", help="whose rules (default: those of the file's only route)"
    )
    parser.add_argument(
        "--messages",
        required=True,
        metavar="FILE",
        help="messages as ReceiveMessage returns them: JSON Lines, a list, a document with "
        "Messages, one message, or a Lambda event with Records; or records as kcat -J prints "
        "them; - is stdin",
    )
    parser.add_argument(
        "--expect", metavar="VERSION", help="exit 3 if any decision is for another version"
    )
    add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one decision a line for every message of a file; no network."""
    table = routing_table(arguments)
    files = files_of(arguments)
    _read_stdin_once([arguments.messages, *(each for paths in files.values() for each in paths)])
    return explain_messages(table, arguments.route, arguments.messages, arguments.expect, files)


def explain_messages(
    table: RoutingTable,
    route_name: str | None,
    file: str,
    expect: str | None,
    objects: dict[str, list[str]] | None = None,
) -> int:
    """Print the decisions for a file of messages (`-`: stdin); return the exit status.

    `objects` are files with objects of the mesh, by kind.

    Raises ProblemsFound for an unknown route or version, or an unreadable file. What is no message
    is reported with its line and the others are still explained.
    """
    from gateway.cli.message_input import SHAPES, Unreadable, read_messages
    from gateway.config.problems.problem import Problem
    from gateway.core.routing.decider import decider_of

    route = only_route(table) if route_name is None else route_named(table, route_name)
    expected = _expected(route, expect)
    decider = decider_of(followed_route(route, objects or {}))
    problems = differing = 0
    for found in read_messages(_lines(file)):
        try:
            message = _message(found)
        except ValueError as error:
            hint = SHAPES if isinstance(found, Unreadable) else ""
            problem = Problem(file, found.line, found.place, str(error), hint)
            print(problem, file=sys.stderr)
            problems += 1
            continue
        decision = decider.decide(message)
        print(json.dumps(as_json(message, route, decision)))
        name = decision.version.name if decision.version else None
        differing += expected is not None and name != expected
    return PROBLEMS if problems else DIFFERS if differing else OK


def as_json(message: Message, route: Route, decision: Decision) -> dict[str, Any]:
    """Return the decision in the contract's shape, null where something does not apply."""
    version = decision.version
    return {
        "message_id": message.message_id,
        "route": route.name,
        "version": version.name if version else None,
        "tag": version.tag if version else None,
        "reason": decision.reason.value,
        "rule": decision.rule,
        "bucket": decision.bucket,
    }


def _read_stdin_once(files: list[str]) -> None:
    from gateway.config.problems.problem import Problem, ProblemsFound

    if files.count(STDIN) > 1:
        what = "stdin is given twice, and can be read once"
        raise ProblemsFound((Problem("command line", None, "--messages", what, "name a file"),))


def _message(found: Found) -> Message:
    """Return the message; raises ValueError, which says what is wrong with it."""
    from gateway.cli.message_input import Unreadable
    from gateway.core.messages.message import message_from_receive

    if isinstance(found, Unreadable):
        raise ValueError(found.why)  # noqa: TRY004 - one kind of error for the caller
    return message_from_receive(found.value)


def _lines(file: str) -> Iterator[bytes]:
    """Yield the lines of a file or of stdin; raises ProblemsFound where it cannot be read."""
    try:
        with opened(file) as lines:
            yield from lines
    except OSError as error:
        from gateway.config.problems.problem import Problem, ProblemsFound

        what = f"cannot be read: {error.strerror}"
        raise ProblemsFound((Problem(file, None, "--messages", what),)) from error


def route_named(table: RoutingTable, name: str) -> Route:
    """Return the route that a command line asks for; raises ProblemsFound if there is none."""
    from gateway.config.problems.problem import ProblemsFound

    route = table.route(name)
    if route is None:
        names = [route.name for route in table.routes]
        raise ProblemsFound((_unknown("--route", name, names),))
    return route


def only_route(table: RoutingTable) -> Route:
    """Return the table's one route; raises ProblemsFound where there are several."""
    from gateway.config.problems.problem import Problem, ProblemsFound

    if len(table.routes) == 1:
        return table.routes[0]
    what = f"the routing file has {len(table.routes)} routes"
    hint = f"say one: {', '.join(route.name for route in table.routes[:MOST_NAMES])}"
    raise ProblemsFound((Problem("command line", None, "--route", what, hint),))


def _expected(route: Route, expect: str | None) -> str | None:
    from gateway.config.problems.problem import ProblemsFound

    if expect is None:
        return None
    version = route.version_called(expect)
    if version is None:
        names = list(dict.fromkeys(n for one in route.versions for n in (one.name, one.tag)))
        raise ProblemsFound((_unknown("--expect", expect, names),))
    return version.name


def _unknown(flag: str, name: str, names: list[str]) -> Problem:
    from gateway.config.problems.problem import Problem

    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"
    return Problem("command line", None, flag, f"{name!r} is not in the routing file", hint)
