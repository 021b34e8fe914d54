"""The addresses of a host, looked up again for new connections, each first in its turn."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT_SECONDS: Final = 1.0
"""How long a result of DNS is used: connections that are opened at once look up once."""


class Addresses:
    """The addresses of one host. A headless Service has one for each of its pods."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._found: Sequence[str] | OSError | UnicodeError = ()
        self._until = float("-inf")
        self._lookup = asyncio.Lock()
        self._turn = -1

    async def in_turn(self) -> list[str]:
        """Return all addresses, each time starting with another one.

        Those of the family that the resolver prefers come before the others. Raises OSError, or
        UnicodeError for a name that DNS cannot have.
        """
        now = asyncio.get_running_loop().time
        async with self._lookup:
            if now() >= self._until:
                self._found = await self._look_up()
                self._until = now() + KEPT_SECONDS
        if isinstance(self._found, Exception):
            raise self._found
        self._turn += 1
        preferred = ":" in self._found[0]
        families = (
            [address for address in self._found if (":" in address) is same]
            for same in (preferred, not preferred)
        )
        return [address for family in families for address in _rotated(family, self._turn)]

    async def _look_up(self) -> Sequence[str] | OSError | UnicodeError:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return error
        # Sorted: resolvers shuffle addresses, or put the nearest first.
        first_v6 = found[0][0] == socket.AF_INET6
        addresses = sorted({str(each[4][0]) for each in found})
        return sorted(addresses, key=lambda address: (":" in address) is not first_v6)


def _rotated(family: list[str], turn: int) -> list[str]:
    start = turn % len(family) if family else 0
    return family[start:] + family[:start]
