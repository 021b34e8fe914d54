"""A few new connections to a version at once, and further ones as responses come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.adapters.http1.exchange import Exchange
from gateway.adapters.http1.ramp import FIRST_CONNECTIONS, PATIENCE_SECONDS, UNUSED_SECONDS, Ramp

pytestmark = pytest.mark.looptime


def exchange() -> Exchange:
    return Exchange(b"", b"", 30.0, lambda _: None, lambda *_: None)


class Started:
    """A ramp, and what it has opened."""

    def __init__(self, requests: int = 0) -> None:
        self.opened: list[tuple[Exchange, Any]] = []
        self.idle = 0
        self.ramp = Ramp(lambda *each: self.opened.append(each), self._close_idle)
        self.requests = [exchange() for _ in range(requests)]
        for each in self.requests:
            self.ramp.connect(each, None)

    def _close_idle(self) -> bool:
        self.idle -= 1
        return self.idle >= 0


async def test_a_few_connections_are_new_at_once() -> None:
    started = Started(200)
    assert len(started.opened) == FIRST_CONNECTIONS
    assert len(started.ramp) == 200 - FIRST_CONNECTIONS


async def test_each_first_response_allows_one_more() -> None:
    started = Started(200)
    for each, _ in list(started.opened):
        started.ramp.on_response(each)
    assert len(started.opened) == FIRST_CONNECTIONS * 3  # 8 have responses, 16 are new
    for each, _ in started.opened[FIRST_CONNECTIONS:]:
        started.ramp.on_response(each)
    assert len(started.opened) == FIRST_CONNECTIONS * 7


async def test_what_waits_for_its_first_connection_has_not_begun() -> None:
    started = Started(FIRST_CONNECTIONS + 1)
    again = exchange()
    again.deadline = 5.0  # an idle connection was found for it, and closed
    started.ramp.connect(again, "broken")
    assert [each.begun for each in started.requests] == [True] * FIRST_CONNECTIONS + [False]
    assert again.begun


async def test_an_idle_connection_goes_to_what_waits_longest() -> None:
    started = Started(FIRST_CONNECTIONS + 2)
    assert started.ramp.take() is started.requests[FIRST_CONNECTIONS]
    assert started.ramp.take() is started.requests[FIRST_CONNECTIONS + 1]
    assert started.ramp.take() is None


async def test_a_slow_service_gets_its_load_all_the_same() -> None:
    """Deliveries may take an hour each, so no response must not mean no further connection."""
    started = Started(200)
    await asyncio.sleep(PATIENCE_SECONDS * 200 / FIRST_CONNECTIONS)
    assert len(started.opened) == 200


async def test_a_connection_that_gets_no_response_makes_room_for_itself() -> None:
    """A server with a process for each connection serves it when another one closes."""
    started = Started(FIRST_CONNECTIONS)
    started.idle = FIRST_CONNECTIONS - 1
    assert not started.ramp.to_close()
    await asyncio.sleep(PATIENCE_SECONDS * 2)
    assert started.idle < 0
    assert [started.ramp.to_close() for _ in range(2)] == [True, False]


async def test_a_connection_that_fails_makes_place_for_the_next() -> None:
    started = Started(50)
    for at in range(50):
        started.ramp.on_failure(started.opened[at][0])
        assert len(started.opened) == min(50, FIRST_CONNECTIONS + at + 1)


async def test_what_must_have_a_new_connection_takes_no_idle_one() -> None:
    started, again = Started(FIRST_CONNECTIONS), exchange()
    started.ramp.connect(again, "the first result")
    assert started.ramp.take() is None
    started.ramp.on_end(started.opened[0][0])
    assert started.opened[-1] == (again, "the first result")


async def test_a_request_that_is_cancelled_waits_no_more() -> None:
    started, again = Started(FIRST_CONNECTIONS + 1), exchange()
    started.ramp.connect(again, "the first result")
    started.requests[-1].cancel()
    again.cancel()
    assert not len(started.ramp)


async def test_after_a_quiet_time_they_are_few_again() -> None:
    started = Started(200)
    for at in range(200):
        started.ramp.on_response(started.opened[at][0])
    await asyncio.sleep(UNUSED_SECONDS)
    for _ in range(200):
        started.ramp.connect(exchange(), None)
    assert len(started.opened) == 200 + FIRST_CONNECTIONS


async def test_nothing_is_opened_while_the_process_has_no_descriptor() -> None:
    started = Started(FIRST_CONNECTIONS + 1)
    started.ramp.hold(started.requests[0], None)
    assert len(started.opened) == FIRST_CONNECTIONS
    assert started.ramp.take() is started.requests[0]
    started.ramp.go_on()
    assert started.opened[-1] == (started.requests[-1], None)
