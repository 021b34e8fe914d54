"""What every StateStore promises, whatever it keeps the state in."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.plan import Plan, Rollout, Step
from gateway.core.rollout.route_state import RouteState, Stored, Torn
from gateway.core.rollout.starts import NOTHING
from gateway.core.rollout.transitions import begin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.state_port import StateStore

PLAN = Plan("canary", "http://b1/", "v2", rollout=Rollout((Step(5), Step(100))))
STATE = RouteState(weight=5, trial=begin(PLAN, NOTHING, 1_000.0))
ONES = (1.0,) * LENGTH


def set_to(weight: int) -> Callable[[Stored | None], RouteState]:
    return lambda _: RouteState(weight=weight)


def lower(stored: Stored | None) -> RouteState:
    """Count down from 100, so that every change must have seen the one before it."""
    before = stored.weight if isinstance(stored, RouteState) else 100
    assert before is not None
    return RouteState(weight=before - 1)


class Place(Protocol):
    """Where a kind of store keeps its state; each store that it makes is a process of its own."""

    def make(self) -> StateStore: ...

    def tear(self, text: str) -> None:
        """Put a text in place of what is stored of the route `orders`."""


@asynccontextmanager
async def following(store: StateStore) -> AsyncIterator[asyncio.Event]:
    """Let a store keep up; the event is set after each change."""
    changed = asyncio.Event()
    task = asyncio.create_task(store.follow(changed.set))
    try:
        yield changed
    finally:
        task.cancel()
        await asyncio.wait([task])
        await store.close()


async def until(changed: asyncio.Event, condition: Callable[[], bool]) -> None:
    """Wait for the change after which a condition holds."""
    while not condition():
        changed.clear()
        await changed.wait()


class StateStoreContract:
    """Inherited by the tests of each kind of store; a subclass gives the fixture `place`."""

    async def opened(self, place: Place) -> StateStore:
        store = place.make()
        await store.open()
        return store

    async def test_a_new_place_is_fresh(self, place: Place) -> None:
        store = await self.opened(place)
        assert store.state.of("orders") is None
        assert (store.state.evidence, list(store.problems)) == ({}, [])
        assert store.silent_seconds() < 15
        await store.close()

    async def test_an_update_is_stored_and_counted(self, place: Place) -> None:
        store = await self.opened(place)
        first = await store.update("orders", lambda _: STATE)
        second = await store.update("orders", set_to(0))
        assert (first, second) == (STATE, RouteState(2, 0))
        assert store.state.of("orders") == second
        assert store.state.of("others") is None
        await store.close()

    async def test_a_change_gets_what_is_stored(self, place: Place) -> None:
        store = await self.opened(place)
        await store.update("orders", lambda _: STATE)
        seen: list[Any] = []
        assert await store.update("orders", seen.append) == STATE
        assert seen == [STATE]
        await store.close()

    async def test_no_change_and_the_same_again_are_not_counted(self, place: Place) -> None:
        store = await self.opened(place)
        assert await store.update("orders", lambda _: None) is None
        await store.update("orders", lambda _: STATE)
        assert await store.update("orders", lambda stored: stored) == STATE  # type: ignore[return-value, arg-type]
        assert store.state.of("orders") == STATE
        await store.close()

    async def test_updates_at_the_same_time_are_all_counted(self, place: Place) -> None:
        store = await self.opened(place)
        await asyncio.gather(*(store.update("orders", lower) for _ in range(8)))
        assert store.state.of("orders") == RouteState(8, 92)
        await store.close()

    async def test_a_change_that_fails_changes_nothing(self, place: Place) -> None:
        store = await self.opened(place)
        await store.update("orders", lambda _: STATE)
        with pytest.raises(ZeroDivisionError):
            await store.update("orders", lambda _: RouteState(1 // 0))
        assert store.state.of("orders") == STATE
        assert await store.update("orders", set_to(1)) == RouteState(2, 1)
        await store.close()

    async def test_the_process_s_own_evidence_is_not_in_the_state(self, place: Place) -> None:
        """It has newer sums itself."""
        store = await self.opened(place)
        await store.publish({"orders": ONES})
        assert store.state.evidence == {}
        await store.close()

    async def test_a_change_is_announced(self, place: Place) -> None:
        store = await self.opened(place)
        async with following(store) as changed:
            await asyncio.sleep(0)
            await store.update("orders", lambda _: STATE)
            await until(changed, lambda: store.state.of("orders") == STATE)


class LastingStoreContract(StateStoreContract):
    """What a store promises whose state outlives the process."""

    async def reopened(self, place: Place, before: StateStore) -> StateStore:
        await before.close()
        return await self.opened(place)

    async def test_the_state_is_there_after_a_restart(self, place: Place) -> None:
        store = await self.opened(place)
        await store.update("orders", lambda _: STATE)
        await store.update("payments", set_to(3))
        again = await self.reopened(place, store)
        assert again.state.of("orders") == STATE
        assert again.state.of("payments") == RouteState(1, 3)
        assert await again.update("orders", set_to(4)) == RouteState(2, 4)
        await again.close()

    async def test_evidence_adds_up_over_restarts(self, place: Place) -> None:
        store = await self.opened(place)
        await store.publish({"orders": ONES})
        await store.publish({"orders": tuple(2 * each for each in ONES)})
        second = await self.reopened(place, store)
        assert second.state.evidence == {"orders": (2.0,) * LENGTH}
        await second.publish({"orders": ONES, "payments": ONES})
        third = await self.reopened(place, second)
        assert third.state.evidence == {"orders": (3.0,) * LENGTH, "payments": ONES}
        await third.close()

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "is empty"),
            ("{", "is no JSON"),
            ('{"version": 9}', "is of version 9, and this gateway reads version 1"),
            ('{"version": 1}', "is missing"),
        ],
    )
    async def test_a_torn_state_is_told_and_stays_torn(
        self, place: Place, text: str, why: str
    ) -> None:
        """Weight 0 follows from it, not a fresh rollout; over restarts too."""
        store = await self.opened(place)
        await store.update("orders", lambda _: STATE)
        await store.close()
        place.tear(text)
        again = await self.reopened(place, store)
        again = await self.reopened(place, again)
        torn = again.state.of("orders")
        assert isinstance(torn, Torn)
        assert why in torn.why
        assert [why in each for each in again.problems] == [True]
        await again.close()

    async def test_a_torn_state_ends_with_the_next_change(self, place: Place) -> None:
        store = await self.opened(place)
        await store.close()
        place.tear("{")
        again = await self.reopened(place, store)
        seen: list[Any] = []
        await again.update("orders", seen.append)
        assert isinstance(seen[0], Torn)
        await again.publish({"orders": ONES})
        assert isinstance(again.state.of("orders"), Torn)
        assert await again.update("orders", set_to(5)) == RouteState(1, 5)
        last = await self.reopened(place, again)
        assert last.state.of("orders") == RouteState(1, 5)
        await last.close()
