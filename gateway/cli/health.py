"""`gateway health`: asks a gateway on this machine whether it works, for health checks.

It finds the admin port by the settings of its own environment and flags. A container's health check
has the container's environment, but not the flags that the gateway was started with, so where they
are absent they are taken from the command line of PID 1.
"""

from __future__ import annotations

import argparse
import sys
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.arguments import FLAGS, add_parser, epilog, print_warnings, settings_of
from gateway.cli.exit_status import FAILED, OK, PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.arguments import Commands
    from gateway.config.settings import Settings

PATH: Final = "/healthz"
SECONDS: Final = 2.0
MAX_BYTES: Final = 10_000
PID_1: Final = Path("/proc/1/cmdline")
NAMES: Final = ("admin_host", "admin_port")

LOCAL: Final = {
    "": ("127.0.0.1", "::1"),
    "::": ("::1", "127.0.0.1"),
    "0.0.0.0": ("127.0.0.1",),  # noqa: S104 - looked up, not listened on
}
"""Where to ask a gateway that listens on every address."""


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    text = "ask a gateway on this machine whether it works"
    end = epilog(
        {
            OK: "/healthz of its admin port is 200",
            FAILED: "it is not, or does not respond; the reason on stderr",
            PROBLEMS: "a problem in a setting",
        },
        "gateway health",
        "gateway health --admin-port 9000",
    )
    _add_flags(add_parser(commands, "health", run, text, end))


def run(arguments: argparse.Namespace) -> int:
    """Ask; return 0 if the gateway works, else 1 and say why on stderr."""
    given = {name: getattr(arguments, name, None) for name in NAMES}
    of_pid_1 = flags_in(_command_line(PID_1))
    flags = {name: of_pid_1.get(name) if value is None else value for name, value in given.items()}
    print_warnings()
    settings = settings_of(argparse.Namespace(**flags))
    why = unhealthy(settings)
    if why is None:
        return OK
    print(f"gateway health: {why}", file=sys.stderr)
    return FAILED


def unhealthy(settings: Settings) -> str | None:
    """Return why the gateway with these settings does not work, or None if it does."""
    if settings.admin_port == 0:
        return "the admin port is any free one (GATEWAY_ADMIN_PORT is 0): give it a number"
    reasons = []
    for host in LOCAL.get(settings.admin_host, (settings.admin_host,)):
        where = f"{f'[{host}]' if ':' in host else host}:{settings.admin_port}{PATH}"
        try:
            status, text = _ask(host, settings.admin_port)
        except OSError as error:
            reasons.append(f"{where}: {error.strerror or error}")
            continue
        return None if status == HTTPStatus.OK else f"{where}: {status}: {text}"
    return "; ".join(reasons)


def flags_in(command_line: Sequence[str]) -> dict[str, str]:
    """Return the values of the admin port's flags on a gateway's command line; others are empty.

    The gateway may have been started by another program on the same line (`tini -- gateway`).
    """
    for place, word in enumerate(command_line):
        if word.rpartition("/")[2] == "gateway":
            parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
            _add_flags(parser)
            try:
                found, _ = parser.parse_known_args(command_line[place + 1 :])
            except argparse.ArgumentError:
                return {}
            return {name: value for name, value in vars(found).items() if value is not None}
    return {}


def _ask(host: str, port: int) -> tuple[int, str]:
    """Return the response's status and text; raises OSError, also where it is no HTTP."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", PATH)
        response = connection.getresponse()
        text = response.read(MAX_BYTES).decode("utf-8", "replace")
    except (HTTPException, ValueError) as error:
        raise OSError(f"no response in HTTP ({error!r})") from error
    finally:
        connection.close()
    return response.status, "; ".join(text.splitlines())


def _command_line(file: Path) -> list[str]:
    try:
        return file.read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:  # no /proc, or another user's process
        return []


def _add_flags(parser: argparse.ArgumentParser) -> None:
    # Suppressed where absent, so that they do not hide those given before the command.
    for name in NAMES:
        metavar, text = FLAGS[name]
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, default=argparse.SUPPRESS, metavar=metavar, help=text)
