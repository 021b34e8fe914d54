"""Orders sent through A as messages and as requests at once, and the account of both."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from gateway.config import loader
from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.decider import decide
from gateway.demo.audit import Audit, Order, Sighting, audit
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.core.routing.route import Route
    from tests.integration.chain_processes import ChainProcesses

SENDERS: Final = 8
Names = list[tuple[str, str | None]]
"""Names of orders, each with the version that it is pinned to."""


@dataclass(frozen=True)
class Accounts:
    """What came of both kinds, and the path of every order that D has seen."""

    messages: Audit
    requests: Audit

    def share(self, tag: str) -> tuple[float, float]:
        """Return the share of a version of messages and of requests."""
        return _share(self.messages, tag), _share(self.requests, tag)


def unpinned(count: int, first: str) -> Names:
    """Return names of orders that the split decides."""
    return [(f"{first}-{number}", None) for number in range(1, count + 1)]


def pinned(count: int, first: str, tag: str) -> Names:
    """Return names of orders that are pinned to a version."""
    return [(f"{first}-{tag}-{number}", tag) for number in range(1, count + 1)]


def send_side_by_side(chain: ChainProcesses, messages: Names, requests: Names) -> Accounts:
    """Send all, wait until D has seen as many, and account for each; raises NeverHappened."""
    first = len(chain.sightings())
    ids = asyncio.run(_send(chain, messages, requests))
    count = len(messages) + len(requests)
    until(lambda: len(chain.sightings(first)) >= count, f"{count} orders to come to D")
    sightings = [Sighting(**one | {"path": tuple(one["path"])}) for one in chain.sightings(first)]
    route, *_ = loader.load(chain.gateway.file.read_bytes(), "routes.yaml").routes
    total = {version.tag: dict(route.weights).get(version.name, 0) for version in route.versions}
    taken = [_message(route, name, ids[name], pin) for name, pin in messages]
    asked = [Order(name, "", pin, pin) for name, pin in requests]
    return Accounts(audit(taken, sightings, total), audit(asked, sightings, total))


async def _send(chain: ChainProcesses, messages: Names, requests: Names) -> dict[str, str]:
    ids: dict[str, str] = {}
    async with aiohttp.ClientSession() as session:
        ways = ((iter(messages), "/orders", 202), (iter(requests), "/orders/now", 200))
        async with asyncio.TaskGroup() as group:
            for names, path, status in ways:
                for _ in range(SENDERS):
                    url = chain.url("a", path)
                    group.create_task(_sender(session, names, url, status, ids))
    return ids


async def _sender(
    session: aiohttp.ClientSession,
    names: Iterator[tuple[str, str | None]],
    url: str,
    status: int,
    ids: dict[str, str],
) -> None:
    for name, pin in names:
        headers = {"version": pin} if pin else {}
        async with session.post(url, json={"order": name}, headers=headers) as answer:
            assert answer.status == status, await answer.text()
            ids[name] = (await answer.json()).get("message_id", "")


def _message(route: Route, name: str, message_id: str, pin: str | None) -> Order:
    attributes = {"version": Attribute("String", pin)} if pin else {}
    message = Message(message_id, json.dumps({"order": name}), attributes=attributes)
    version = decide(message, route).version
    assert version is not None
    return Order(name, message_id, pin, version.tag)


def _share(account: Audit, tag: str) -> float:
    return next(share.observed for share in account.shares if share.tag == tag)
