"""TCP keepalive: a connection whose host has vanished ends long before a timeout of hours.

Without it nothing tells that no response will come, and a NAT or load balancer forgets a connection
that is silent for some 350 s. Source: tcp(7), RFC 5482 (the user timeout).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Keepalive:
    """When to probe: after `idle_seconds`, then each `interval_seconds`, `probes` times in vain.

    What was sent and is not acknowledged ends the connection after the same time all in all.
    """

    idle_seconds: int = 30
    interval_seconds: int = 10
    probes: int = 6

    @property
    def options(self) -> tuple[tuple[int, int, int], ...]:
        """The socket options (level, name, value), as far as the system has them."""
        wanted = (
            ("TCP_KEEPIDLE", self.idle_seconds),
            ("TCP_KEEPALIVE", self.idle_seconds),  # as macOS calls it
            ("TCP_KEEPINTVL", self.interval_seconds),
            ("TCP_KEEPCNT", self.probes),
            ("TCP_USER_TIMEOUT", 1000 * self.seconds),
        )
        tcp = [(socket.IPPROTO_TCP, getattr(socket, name, None), value) for name, value in wanted]
        there = ((level, name, value) for level, name, value in tcp if name is not None)
        return ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *there)

    @property
    def seconds(self) -> int:
        """How long it takes to notice."""
        return self.idle_seconds + self.interval_seconds * self.probes

    def set_on(self, plug: socket.socket) -> None:
        """Set the options on a TCP socket."""
        for level, name, value in self.options:
            plug.setsockopt(level, name, value)


KEEPALIVE: Final = Keepalive()
"""Noticed within 90 s."""
