"""The commands and their exit statuses (docs/reference/running.md).

0 fine; 1 anything else; 2 a problem in the routing file, the settings or the input;
3 `explain --expect` found another decision.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Final, TextIO

from gateway import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.config.problems.problem import Problem
    from gateway.config.settings import Settings

OK: Final = 0
FAILED: Final = 1
PROBLEMS: Final = 2
INTERRUPTED: Final = 130

RECURSION_LIMIT: Final = 5_000
"""JSON may nest to 1,000 levels, and Python's own limit counts our frames too.

Source: docs/reference/routing-file-semantics.md
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    from gateway.config.problems.problem import ProblemsFound

    sys.setrecursionlimit(RECURSION_LIMIT)
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except ProblemsFound as found:
        _print_problems(found.problems)
        return PROBLEMS
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone, as `| head` does
        return FAILED


def run(arguments: argparse.Namespace) -> int:
    """Run the gateway until it is stopped."""
    settings = _settings(arguments)
    file = _routing_file(settings)
    from gateway.config import loader

    table = loader.read(file)
    from gateway.adapters.telemetry import logs
    from gateway.app import Gateway

    logs.configure(settings.log_level, settings.log_format)

    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    # About a tenth less CPU a message than by default; 50_000, 20, 20 let memory creep up.
    gc.set_threshold(10_000, 5, 5)

    async def serve() -> int:
        return await Gateway(settings, file, table).run()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(serve())
    except* OSError as failed:
        for error in failed.exceptions:
            print(f"gateway: {error}", file=sys.stderr)
    return FAILED


def check(arguments: argparse.Namespace) -> int:
    """Validate the routing file: `ok`, or every problem."""
    from gateway.config import loader
    from gateway.config.problems.problem import ProblemsFound

    try:
        loader.read(_routing_file(_settings(arguments)))
    except ProblemsFound as found:
        _print_problems(found.problems, sys.stdout)
        return PROBLEMS
    print("ok")
    return OK


def explain(arguments: argparse.Namespace) -> int:
    """Print one decision a line for every message of a file; no network."""
    from gateway.cli.explain import explain_messages
    from gateway.config import loader

    table = loader.read(_routing_file(_settings(arguments)))
    return explain_messages(table, arguments.route, arguments.messages, arguments.expect)


def iam(arguments: argparse.Namespace) -> int:
    """Print the IAM policy that each route needs; no network."""
    from gateway.cli.explain import route_named
    from gateway.cli.iam import Place, print_policies
    from gateway.config import loader

    table = loader.read(_routing_file(_settings(arguments)))
    asked = arguments.route
    routes = table.routes if asked is None else (route_named(table, asked),)
    place = Place(arguments.account, arguments.region)
    return print_policies(routes, place, merged=arguments.merged or asked is not None)


def schema(_arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of the routing file."""
    import json

    from gateway.config.schema.routing_file import json_schema

    print(json.dumps(json_schema(), indent=2))
    return OK


def demo(arguments: argparse.Namespace) -> int:
    """Show the whole story on this machine."""
    from gateway.demo import run as run_demo

    try:
        return run_demo(
            arguments.messages,
            keep_running=arguments.keep_running,
            with_envoy=arguments.with_envoy,
        )
    except KeyboardInterrupt:
        return INTERRUPTED


def _settings(arguments: argparse.Namespace) -> Settings:
    from gateway.config.settings import load_settings

    names = (
        "config",
        "admin_host",
        "admin_port",
        "log_level",
        "log_format",
        "drain_seconds",
        "sqs_client",
    )
    return load_settings({name: getattr(arguments, name, None) for name in names})


def _routing_file(settings: Settings) -> Path:
    from pathlib import Path

    from gateway.config.problems.problem import Problem, ProblemsFound

    if settings.config is None:
        hint = "say --config routes.yaml, or set GATEWAY_CONFIG"
        raise ProblemsFound(
            (Problem("command line", None, "--config", "no routing file is named", hint),)
        )
    return Path(settings.config)


def _print_problems(problems: Sequence[Problem], stream: TextIO | None = None) -> None:
    for problem in problems:
        print(problem, file=stream or sys.stderr)
    count = len(problems)
    print(f"{count} problem{'s' if count > 1 else ''}", file=sys.stderr)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return None
    return uvloop.Loop


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
    _add_settings(parser, default=None)
    parser.set_defaults(command=run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_command(commands, "check", check, "validate the routing file")
    _add_explain(commands)
    _add_iam(commands)
    commands.add_parser("schema", help="print the JSON Schema of the routing file").set_defaults(
        command=schema
    )
    _add_demo(commands)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: object,
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--config", default=argparse.SUPPRESS, metavar="FILE")
    parser.set_defaults(command=command)
    return parser


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "explain", explain, "print the decision for each message")
    parser.add_argument("--route", required=True, metavar="NAME")
    parser.add_argument(
        "--messages",
        required=True,
        metavar="FILE",
        help="JSON Lines in the shape that ReceiveMessage returns; - is stdin",
    )
    parser.add_argument(
        "--expect", metavar="VERSION", help="exit 3 if any decision is for another version"
    )


def _add_iam(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "iam", iam, "print the IAM policy that each route needs")
    parser.add_argument("--route", metavar="NAME", help="this route's policy document alone")
    parser.add_argument(
        "--merged", action="store_true", help="one document for all routes: for a pod's one role"
    )
    parser.add_argument(
        "--account", metavar="ID", help="of queues that the file gives without one; else any"
    )
    parser.add_argument(
        "--region", metavar="NAME", help="of queues that the file gives without one; else any"
    )


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "embedded SQS, services A-D, the gateway, a load and a summary, on this machine"
    parser = commands.add_parser("demo", help=text, description=text)
    parser.add_argument("--messages", type=int, default=2_000, metavar="N")
    parser.add_argument("--keep-running", action="store_true", help="keep all up to look at")
    parser.add_argument(
        "--with-envoy", action="store_true", help="send as many requests through Envoy beside"
    )
    parser.set_defaults(command=demo)


def _add_settings(parser: argparse.ArgumentParser, default: object) -> None:
    settings = parser.add_argument_group("settings", "each wins over GATEWAY_<NAME>")
    settings.add_argument("--config", default=default, metavar="FILE", help="the routing file")
    settings.add_argument("--admin-host", default=default, metavar="HOST")
    settings.add_argument("--admin-port", default=default, metavar="PORT")
    settings.add_argument("--log-level", default=default, metavar="LEVEL")
    settings.add_argument("--log-format", default=default, metavar="text|json")
    settings.add_argument("--drain-seconds", default=default, metavar="SECONDS")
    settings.add_argument("--sqs-client", default=default, metavar="native|aiobotocore")
