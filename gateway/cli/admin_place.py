"""Where the admin port of a gateway is: where `--url` says, else by the settings of this machine.

A container's shell has the container's environment, but not the flags that the gateway was started
with, so where they are absent they are taken from the command line of PID 1.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.cli.arguments import FLAGS, print_warnings, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.client import HTTPConnection

    from gateway.config.settings import Settings

PID_1: Final = Path("/proc/1/cmdline")
NAMES: Final = ("admin_host", "admin_port")
PORTS: Final = {"http": 80, "https": 443}
ANY_PORT: Final = "the admin port is any free one (GATEWAY_ADMIN_PORT is 0): give it a number"

LOCAL: Final = {
    "": ("127.0.0.1", "::1"),
    "::": ("::1", "127.0.0.1"),
    "0.0.0.0": ("127.0.0.1",),  # noqa: S104 - looked up, not listened on
}
"""Where to ask a gateway that listens on every address."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an admin port may be; `prefix` is what comes before its paths."""

    host: str
    port: int
    scheme: str = "http"
    prefix: str = ""

    @property
    def authority(self) -> str:
        """The host and the port, as in a URL."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.prefix}"

    def connect(self, seconds: float) -> HTTPConnection:
        """Return an open connection; raises OSError."""
        from http.client import HTTPConnection, HTTPSConnection

        make = HTTPSConnection if self.scheme == "https" else HTTPConnection
        connection = make(self.host, self.port, timeout=seconds)
        try:
            connection.connect()
        except UnicodeError as error:  # a name that IDNA refuses
            raise OSError(str(error)) from error
        return connection


def add_flags(parser: argparse.ArgumentParser, *, url: bool = True) -> None:
    """Add the flags that say where the admin port is."""
    if url:
        text = "where the admin port is (default: by the settings of a gateway on this machine)"
        parser.add_argument("--url", type=_url, metavar="URL", help=text)
    # Suppressed where absent, so that they do not hide those given before the command.
    for name in NAMES:
        metavar, text = FLAGS[name]
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, default=argparse.SUPPRESS, metavar=metavar, help=text)


def local_settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings of the gateway on this machine; raises ProblemsFound."""
    of_pid_1 = flags_in(_command_line(PID_1))
    given = {name: getattr(arguments, name, None) for name in NAMES}
    flags = {name: of_pid_1.get(name) if value is None else value for name, value in given.items()}
    print_warnings()
    return settings_of(argparse.Namespace(**flags))


def local_places(settings: Settings) -> list[Place]:
    """Return where a gateway with these settings is to be asked on its own machine."""
    hosts = LOCAL.get(settings.admin_host, (settings.admin_host,))
    return [Place(host, settings.admin_port) for host in hosts]


def flags_in(command_line: Sequence[str]) -> dict[str, str]:
    """Return the values of the admin port's flags on a gateway's command line; others are empty.

    The gateway may have been started by another program on the same line (`tini -- gateway`).
    """
    for place, word in enumerate(command_line):
        if word.rpartition("/")[2] == "gateway":
            parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
            add_flags(parser, url=False)
            try:
                found, _ = parser.parse_known_args(command_line[place + 1 :])
            except argparse.ArgumentError:
                return {}
            return {name: value for name, value in vars(found).items() if value is not None}
    return {}


def _command_line(file: Path) -> list[str]:
    try:
        return file.read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:  # no /proc, or another user's process
        return []


def _url(text: str) -> Place:
    """Read `--url`; no error repeats it, since it may have a password in it."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if parts.scheme not in PORTS or not host:
        raise argparse.ArgumentTypeError("must be http://HOST:PORT or https://HOST:PORT")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError("must have no user, password, ? and #")
    return Place(host, port or PORTS[parts.scheme], parts.scheme, parts.path.rstrip("/"))
