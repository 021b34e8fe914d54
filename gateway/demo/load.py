"""The load: orders sent to A, as messages or as requests, until all have arrived at D."""

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
"""The most orders in the chain at once: emulators slow down with the depth of a queue."""

FOLLOW_SECONDS: Final = 0.1
STALL_SECONDS: Final = 45.0
"""Longer than the queue's visibility timeout, after which a stuck message is received again."""

PIN_EVERY: Final = 10
PINS: Final = ("v1", "v2")
ORDERS_EACH: Final = 4


@dataclass(frozen=True, slots=True)
class Way:
    """How orders leave A: the prefix of their names, A's path for them, and its status code."""

    prefix: str
    path: str
    accepted: HTTPStatus


MESSAGES: Final = Way("order", "/orders", HTTPStatus.ACCEPTED)
REQUESTS: Final = Way("request", "/orders/now", HTTPStatus.OK)


def plan(messages: int, way: Way = MESSAGES) -> Iterator[tuple[str, str | None]]:
    """Yield the name and pin of each order: one in ten is pinned, to v1 and v2 in turn."""
    for number in range(1, messages + 1):
        turn, rest = divmod(number, PIN_EVERY)
        yield f"{way.prefix}-{number}", None if rest else PINS[(turn - 1) % len(PINS)]


def customer_of(name: str) -> str:
    """Return the customer of an order: each has ORDERS_EACH in a row."""
    return f"customer-{(int(name.rpartition('-')[2]) - 1) // ORDERS_EACH}"


class Load:
    """The orders sent one way, and those that have arrived so far.

    Where they are `keyed` each has a customer, which is the key of its record.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        addresses: Addresses,
        route: Route,
        way: Way = MESSAGES,
        *,
        keyed: bool = False,
    ) -> None:
        self.orders: dict[str, Order] = {}
        self.sightings: list[Sighting] = []
        self._offset = 0
        self._arrived: set[str] = set()
        self._session = session
        self._way = way
        self._keyed = keyed
        self._front = addresses.url("A", way.path)
        self._paths = addresses.url("D", "/paths")
        self._route = route
        self._capacity = asyncio.Event()
        self._failure: DemoError | None = None

    @property
    def on_their_way(self) -> int:
        """The number of orders that A has accepted and D has not received."""
        return len(self.orders.keys() - self._arrived)

    async def run(self, messages: int, observe: Callable[[Load], None]) -> None:
        """Send and follow until all have arrived, or nothing has moved for STALL_SECONDS.

        `observe` is called after each look. Raises DemoError where A does not accept an order.
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
        """Get the arrivals at D since the last look."""
        new = await self._fetch(self._paths, {"from": str(self._offset)})
        self._offset += len(new)
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
                self._capacity.set()
            else:
                self._capacity.clear()
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
                await self._capacity.wait()
                key = customer_of(name) if self._keyed else None
                message_id = await self._order(name, pin, key)
                # The id of a message decides its version; the mesh chooses one for a request.
                tag = expected_tag(self._route, message_id, pin, key) if message_id else pin
                self.orders[name] = Order(name, message_id, pin, tag, key)
        except DemoError as error:
            self._failure = error

    async def _order(self, name: str, pin: str | None, key: str | None) -> str:
        headers = {"version": pin} if pin else {}
        order = {"order": name} if key is None else {"order": name, "customer": key}
        try:
            async with self._session.post(self._front, json=order, headers=headers) as response:
                if response.status != self._way.accepted:
                    raise DemoError(f"A responded with {response.status}: {await response.text()}")
                return str((await response.json()).get("message_id", ""))
        except aiohttp.ClientError as error:
            raise DemoError(f"A did not take {name}: {error}") from error

    async def _fetch(self, url: str, query: dict[str, str]) -> list[dict[str, Any]]:
        try:
            async with self._session.get(url, params=query) as response:
                response.raise_for_status()
                found: list[dict[str, Any]] = await response.json()
                return found
        except aiohttp.ClientError as error:
            raise DemoError(f"D does not say what it has seen: {error}") from error
