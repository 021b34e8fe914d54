"""The load: orders sent to A, as messages or as requests, and followed until D has seen all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from gateway.demo.audit import Order, Sighting
from gateway.demo.processes import DemoError
from gateway.demo.routing import expected_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.core.routing.route import Route
    from gateway.demo.addresses import Addresses

SENDERS: Final = 8
ON_THEIR_WAY: Final = 500
"""More than so many are not let into the chain at once: emulators slow down with depth."""

FOLLOW_SECONDS: Final = 0.1
STALL_SECONDS: Final = 45.0
"""Longer than the queue's visibility timeout, after which a message that got stuck comes back."""

PIN_EVERY: Final = 10
PINS: Final = ("v1", "v2")


@dataclass(frozen=True, slots=True)
class Way:
    """How orders leave A: the first part of their names, where A takes them, what it answers."""

    prefix: str
    path: str
    accepted: HTTPStatus


MESSAGES: Final = Way("order", "/orders", HTTPStatus.ACCEPTED)
REQUESTS: Final = Way("request", "/orders/now", HTTPStatus.OK)


def plan(messages: int, way: Way = MESSAGES) -> Iterator[tuple[str, str | None]]:
    """Return each order's name and pin: one in ten is pinned, to v1 and v2 in turn."""
    for number in range(1, messages + 1):
        turn, rest = divmod(number, PIN_EVERY)
        yield f"{way.prefix}-{number}", None if rest else PINS[(turn - 1) % len(PINS)]


class Load:
    """What was sent one way and what of it has arrived so far."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        addresses: Addresses,
        route: Route,
        way: Way = MESSAGES,
    ) -> None:
        self.orders: dict[str, Order] = {}
        self.sightings: list[Sighting] = []
        self._seen_by_d = 0
        self._arrived: set[str] = set()
        self._session = session
        self._way = way
        self._front = addresses.url("A", way.path)
        self._paths = addresses.url("D", "/paths")
        self._route = route
        self._room = asyncio.Event()
        self._failure: DemoError | None = None

    @property
    def on_their_way(self) -> int:
        """How many orders A has taken that D has not seen."""
        return len(self.orders.keys() - self._arrived)

    async def run(self, messages: int, observe: Callable[[Load], None]) -> None:
        """Send and follow until all have arrived, or nothing has moved for STALL_SECONDS.

        `notice` is told after each look. Raises DemoError where A does not take an order.
        """
        orders = plan(messages, self._way)
        senders = [asyncio.ensure_future(self._send(orders)) for _ in range(SENDERS)]
        try:
            await self._follow(messages, observe)
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def look(self) -> None:
        """Ask D what it has seen since the last look."""
        new = await self._ask(self._paths, {"from": str(self._seen_by_d)})
        self._seen_by_d += len(new)
        for raw in new:
            if str(raw["order"]).partition("-")[0] == self._way.prefix:
                raw["path"] = tuple(raw["path"])
                self.sightings.append(Sighting(**raw))
                self._arrived.add(raw["order"])

    async def _follow(self, messages: int, observe: Callable[[Load], None]) -> None:
        clock = asyncio.get_running_loop().time
        before, moved = (0, 0), clock()
        while len(self.orders) < messages or self.on_their_way:
            if self._failure:
                raise self._failure
            if self.on_their_way < ON_THEIR_WAY:
                self._room.set()
            else:
                self._room.clear()
            await asyncio.sleep(FOLLOW_SECONDS)
            await self.look()
            observe(self)
            now = (len(self.orders), len(self.sightings))
            if now != before:
                before, moved = now, clock()
            elif clock() - moved > STALL_SECONDS:
                return

    async def _send(self, orders: Iterator[tuple[str, str | None]]) -> None:
        try:
            for name, pin in orders:
                await self._room.wait()
                message_id = await self._order(name, pin)
                # A message's way is known from its id; a request's is left to the mesh's dice.
                tag = expected_tag(self._route, message_id, pin) if message_id else pin
                self.orders[name] = Order(name, message_id, pin, tag)
        except DemoError as error:
            self._failure = error

    async def _order(self, name: str, pin: str | None) -> str:
        headers = {"version": pin} if pin else {}
        try:
            async with self._session.post(
                self._front, json={"order": name}, headers=headers
            ) as answer:
                if answer.status != self._way.accepted:
                    raise DemoError(f"A answered {answer.status}: {await answer.text()}")
                return str((await answer.json()).get("message_id", ""))
        except aiohttp.ClientError as error:
            raise DemoError(f"A did not take {name}: {error}") from error

    async def _ask(self, url: str, query: dict[str, str]) -> list[dict[str, Any]]:
        try:
            async with self._session.get(url, params=query) as answer:
                answer.raise_for_status()
                found: list[dict[str, Any]] = await answer.json()
                return found
        except aiohttp.ClientError as error:
            raise DemoError(f"D does not say what it has seen: {error}") from error
