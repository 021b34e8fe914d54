"""The sockets of an admin port that listens on every address, IPv4 and IPv6.

One socket for each family: a single one for both shows IPv4 callers as `::ffff:a.b.c.d`, and there
is none where the machine has no IPv6.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import Final

EVERYWHERE: Final = ("", "::")
"""Hosts that mean every address of both families; `0.0.0.0` means those of IPv4."""

BACKLOG: Final = 128
TRIES: Final = 10

_FAMILIES: Final = (
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - Kubernetes asks for health and metrics from outside
    (socket.AF_INET6, "::"),
)
_NO_SUCH_FAMILY: Final = {
    errno.EAFNOSUPPORT,
    errno.EPROTONOSUPPORT,
    errno.EADDRNOTAVAIL,  # IPv6 is switched off by sysctl or for loopback
}


def listen_everywhere(port: int) -> list[socket.socket]:
    """Return a listening socket for each address family that the machine has, on one port.

    `port` 0 takes one that is free in both. Raises OSError, with the address as its filename.
    """
    for _ in range(TRIES if port == 0 else 1):
        try:
            return _listen(port)
        except OSError as error:
            failed = error
            if error.errno != errno.EADDRINUSE:
                break
    raise failed


def _listen(port: int) -> list[socket.socket]:
    absent: OSError | None = None
    with ExitStack() as failing:
        sockets: list[socket.socket] = []
        for family, address in _FAMILIES:
            try:
                one = _bound(family, address, port)
            except OSError as error:
                error.filename = address
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                absent = error
                continue
            port = one.getsockname()[1]
            sockets.append(failing.enter_context(one))
        if not sockets and absent:
            raise absent
        failing.pop_all()  # from here on they are the caller's to close
    return sockets


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, port))
        one.listen(BACKLOG)
    except OSError:
        one.close()
        raise
    return one
