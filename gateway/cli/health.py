"""`gateway health`: asks a gateway on this machine whether it works, for health checks."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from gateway.cli.admin_place import ANY_PORT, add_flags, local_places, local_settings
from gateway.cli.admin_port import exchange
from gateway.cli.arguments import add_parser, epilog
from gateway.cli.exit_status import FAILED, OK, PROBLEMS

if TYPE_CHECKING:
    import argparse

    from gateway.cli.admin_place import Place
    from gateway.cli.admin_port import Response
    from gateway.cli.arguments import Commands
    from gateway.config.settings import Settings

PATH: Final = "/healthz"
SECONDS: Final = 2.0
MAX_BYTES: Final = 10_000


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
    add_flags(add_parser(commands, "health", run, text, end), url=False)


def run(arguments: argparse.Namespace) -> int:
    """Ask; return 0 if the gateway works, else 1 and say why on stderr."""
    why = unhealthy(local_settings(arguments))
    if why is None:
        return OK
    print(f"gateway health: {why}", file=sys.stderr)
    return FAILED


def unhealthy(settings: Settings) -> str | None:
    """Return why the gateway with these settings does not work, or None if it does."""
    if settings.admin_port == 0:
        return ANY_PORT
    reasons = []
    for place in local_places(settings):
        where = f"{place.authority}{PATH}"
        try:
            response = _ask(place)
        except OSError as error:
            reasons.append(f"{where}: {error.strerror or error}")
            continue
        status = response.status
        return None if status == HTTPStatus.OK else f"{where}: {status}: {response.text}"
    return "; ".join(reasons)


def _ask(place: Place) -> Response:
    connection = place.connect(SECONDS)
    return exchange(connection, "GET", PATH, {"Host": place.authority}, max_bytes=MAX_BYTES)
