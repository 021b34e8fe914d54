"""`gateway rollout`: looks at a route's rollout and changes it, over the admin port."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from gateway.cli.admin_place import add_flags
from gateway.cli.admin_port import AdminPortError, admin_port_of, reading, route_path
from gateway.cli.arguments import add_parser, duration, epilog
from gateway.cli.exit_status import FAILED, OK, PROBLEMS, TIMED_OUT
from gateway.cli.rollout_words import ABORTED, IDLE, PROMOTED, UNJUDGED, details, in_force

if TYPE_CHECKING:
    import argparse

    from gateway.cli.admin_port import AdminPort
    from gateway.cli.arguments import Command, Commands
    from gateway.cli.rollout_words import Rollout

TICK_SECONDS: Final = 1.0
MAX_NAME: Final = 100

VERBS: Final = {
    "pause": "stay at this step's weight until resume; an abort is still possible",
    "resume": "go on after a pause",
    "promote": "take the next step now, without its evidence; after the last one: done",
    "abort": "weight 0 for the canary now, and until retry or a new revision",
    "retry": "begin anew at the first step, after an abort",
}
"""What changes a rollout. Each is said once or twice to the same effect."""

STATUSES: Final = {
    OK: "done, or already so; what is in force now is on stdout",
    FAILED: "the gateway refuses it or is out of reach; why is on stderr",
    PROBLEMS: "a wrong command line, or a problem in a setting",
}
OF_STATUS: Final = {
    OK: "it is on stdout; with --wait: promoted",
    FAILED: "the gateway refuses it or is out of reach; with --wait: aborted",
    PROBLEMS: STATUSES[PROBLEMS],
    TIMED_OUT: "with --wait: neither promoted nor aborted within --timeout",
}


def add_to(commands: Commands) -> None:
    """Add the command's parser, with one for each verb below it."""
    text = "look at a route's rollout, or change it"
    end = epilog(
        STATUSES | {TIMED_OUT: "status --wait: neither promoted nor aborted within --timeout"},
        "gateway rollout status orders",
        "gateway rollout abort orders --reason 'prices are wrong'",
        "gateway rollout promote orders --full",
    )
    parser = add_parser(commands, "rollout", run_status, text, end)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    end = epilog(OF_STATUS, "gateway rollout status orders --wait --timeout 60s")
    status = _add_verb(verbs, "status", run_status, "say where the rollout stands, and why", end)
    status.add_argument("--wait", action="store_true", help="until it is promoted or aborted")
    status.add_argument(
        "--revision",
        metavar="TEXT",
        help="--wait for the rollout of this revision: one before it does not count",
    )
    status.add_argument(
        "--timeout",
        type=duration,
        metavar="DURATION",
        help="how long --wait waits: 60s, 5m (default: for ever)",
    )
    for verb, what in VERBS.items():
        end = epilog(STATUSES, f"gateway rollout {verb} orders")
        parser = _add_verb(verbs, verb, run_verb, what, end)
        parser.set_defaults(verb=verb)
        if verb == "promote":
            parser.add_argument("--full", action="store_true", help="all steps at once, to the end")
        if verb in ("pause", "abort"):
            parser.add_argument("--reason", metavar="TEXT", help="why, for the history")


def _add_verb(
    verbs: Commands, name: str, command: Command, text: str, end: str
) -> argparse.ArgumentParser:
    parser = add_parser(verbs, name, command, text, end)
    parser.add_argument("route", metavar="ROUTE", help="the route's name")
    parser.add_argument("--json", action="store_true", help="print what the API responds with")
    add_flags(parser)
    return parser


def run_status(arguments: argparse.Namespace) -> int:
    """Print where the rollout stands; return the exit status."""
    _refuse_without_wait(arguments)
    try:
        port = admin_port_of(arguments)
        if arguments.wait:
            return _wait(port, arguments)
        rollout = port.get(route_path(arguments.route, "rollout"))
        print_rollout(rollout, as_json=arguments.json, whole=True)
    except AdminPortError as error:
        return failed("rollout status", error)
    return OK


def _refuse_without_wait(arguments: argparse.Namespace) -> None:
    """Raise ProblemsFound for a flag that only means something with --wait."""
    flags = {"--timeout": arguments.timeout, "--revision": arguments.revision}
    given = [flag for flag, value in flags.items() if value is not None]
    if given and not arguments.wait:
        from gateway.config.problems.problem import Problem, ProblemsFound

        text = "is of use with --wait alone"
        raise ProblemsFound(tuple(Problem("command line", None, flag, text) for flag in given))


def run_verb(arguments: argparse.Namespace) -> int:
    """Change the rollout and print what is in force then; return the exit status."""
    verb = arguments.verb
    query = "?full=true" if getattr(arguments, "full", False) else ""
    reason = getattr(arguments, "reason", None)
    body = {"by": caller(), **({"reason": reason} if reason else {})}
    try:
        port = admin_port_of(arguments)
        path = route_path(arguments.route, "rollout", verb)
        print_rollout(port.change("POST", path + query, body), as_json=arguments.json)
    except AdminPortError as error:
        return failed(f"rollout {verb}", error, _hint(verb, arguments.route, error))
    return OK


def _hint(verb: str, route: str, error: AdminPortError) -> str:
    """Return what else a person can do whose abort was not done."""
    if verb == "abort" and error.status == HTTPStatus.CONFLICT:
        return f"to stop a canary in any phase: gateway weight {route} CANARY=0"
    if verb == "abort" and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "on this replica it holds already: abort on each"
    return ""


def failed(command: str, error: AdminPortError, hint: str = "") -> int:
    """Print why a command has failed; return the exit status."""
    print(f"gateway {command}: {error}{f'; {hint}' if hint else ''}", file=sys.stderr)
    return FAILED


def caller() -> str:
    """Return who asks, for the history: `user@host`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # in a container there may be no user of this number
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"[:MAX_NAME]


def print_rollout(rollout: Rollout, *, as_json: bool, whole: bool = False) -> None:
    """Print what is in force as a sentence, `whole` with its details, or as JSON.

    Raises AdminPortError.
    """
    if as_json:
        print(json.dumps(rollout))
        return
    with reading():
        lines = [in_force(rollout), *(details(rollout) if whole else ())]
    print("\n".join(lines), flush=True)


def _wait(port: AdminPort, arguments: argparse.Namespace) -> int:
    """Print each step until the rollout is promoted or aborted; return the exit status."""
    until = None if arguments.timeout is None else time.monotonic() + arguments.timeout
    said = ""
    while True:
        rollout, sentence, about = _look(port, arguments.route, arguments.revision)
        if rollout is not None and rollout["phase"] in (PROMOTED, ABORTED):
            print_rollout(rollout, as_json=arguments.json)
            return OK if rollout["phase"] == PROMOTED else FAILED
        if about != said:
            said = about
            print(sentence, file=sys.stderr, flush=True)
        left = TICK_SECONDS if until is None else until - time.monotonic()
        if left <= 0:
            print("gateway rollout status: neither promoted nor aborted in time", file=sys.stderr)
            return TIMED_OUT
        time.sleep(min(left, TICK_SECONDS))


def _look(port: AdminPort, route: str, revision: str | None) -> tuple[Rollout | None, str, str]:
    """Return the rollout, what to say of it, and what that is about: reasons change all the time.

    None while the gateway is out of reach, or has another revision than is waited for.
    """
    try:
        rollout = port.get(route_path(route, "rollout"))
    except AdminPortError as error:
        if 0 < error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return None, f"gateway rollout status: {error}", "away"
    with reading():
        phase, trial = rollout["phase"], rollout["revision"]
        if revision is not None and trial != revision:
            text = f"{route}: waits for revision {revision}, has {trial or 'none'}"
            return None, text, f"not {trial}"
        if phase in (UNJUDGED, IDLE):
            raise AdminPortError(f"{route} has no rollout to wait for: its phase is {phase}")
        return rollout, in_force(rollout), f"{phase} {rollout['step']} {rollout['weights']}"
