"""The right to hold one message in flight: given out as far as it goes, and never lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.runtime.permits import (
    LEAST_RESERVED_BYTES,
    MAX_MESSAGE_BYTES,
    NOTHING,
    Grant,
    Permits,
)
from tests.fakes import VIRTUAL_TIME

if TYPE_CHECKING:
    from collections.abc import Coroutine

pytestmark = VIRTUAL_TIME


async def begun(*takes: Coroutine[None, None, Grant]) -> list[asyncio.Task[Grant]]:
    """Start takers in this order and let each get as far as it can."""
    tasks = [asyncio.create_task(take) for take in takes]
    await asyncio.sleep(0)
    return tasks


def some(messages: int) -> Grant:
    """A grant of the first receives: the largest messages there are."""
    return Grant(messages, MAX_MESSAGE_BYTES)


async def test_a_taker_gets_what_is_there_and_not_all_it_asked_for() -> None:
    permits = Permits(7)
    assert await permits.take(10) == some(7)
    assert permits.free == 0


async def test_a_taker_never_gets_more_than_it_asked_for() -> None:
    permits = Permits(7)
    assert await permits.take(3) == some(3)
    assert permits.free == 4


async def test_a_taker_waits_only_where_nothing_is_free() -> None:
    permits = Permits(1)
    await permits.take(1)
    (waiting,) = await begun(permits.take(10))
    assert not waiting.done()
    permits.give_unused(some(1), 1)
    assert await waiting == some(1)


async def test_takers_that_want_more_than_there_is_do_not_deadlock_each_other() -> None:
    """Ten takers of ten share three permits: every one of them has its turn."""
    permits, turns = Permits(3), []

    async def take_and_give(name: int) -> Grant:
        taken = await permits.take(10)
        turns.append(name)
        await asyncio.sleep(1)
        permits.give_unused(taken, taken.messages)
        return taken

    tasks = [asyncio.create_task(take_and_give(name)) for name in range(10)]
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    assert sorted(turns) == list(range(10))
    assert permits.free == 3


async def test_several_permits_given_at_once_wake_several_takers() -> None:
    permits = Permits(2)
    await permits.take(2)
    tasks = await begun(permits.take(1), permits.take(1))
    permits.give_unused(some(2), 2)
    assert await asyncio.wait_for(asyncio.gather(*tasks), 1) == [some(1), some(1)]


async def test_takers_are_served_in_the_order_they_came() -> None:
    permits, served = Permits(1), []
    await permits.take(1)

    async def take(name: str) -> Grant:
        taken = await permits.take(1)
        served.append(name)
        return taken

    tasks = await begun(take("first"), take("second"))
    for _ in tasks:
        permits.give_unused(some(1), 1)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert served == ["first", "second"]


async def test_a_taker_that_is_cancelled_while_it_waits_takes_nothing() -> None:
    permits = Permits(1)
    await permits.take(1)
    (waiting,) = await begun(permits.take(1))
    waiting.cancel()
    await asyncio.wait({waiting})
    permits.give_unused(some(1), 1)
    assert permits.free == 1


async def test_a_taker_cancelled_in_the_moment_of_its_turn_passes_the_turn_on() -> None:
    permits = Permits(1)
    await permits.take(1)
    first, second = await begun(permits.take(1), permits.take(1))
    permits.give_unused(some(1), 1)
    first.cancel()
    assert await asyncio.wait_for(second, 1) == some(1)
    assert first.cancelled()


async def test_more_permits_are_to_be_had_at_once_after_a_resize() -> None:
    permits = Permits(1)
    await permits.take(1)
    (waiting,) = await begun(permits.take(5))
    permits.resize(4)
    assert await asyncio.wait_for(waiting, 1) == some(3)
    assert permits.limit == 4


async def test_fewer_permits_are_reached_as_messages_are_settled() -> None:
    permits = Permits(3)
    await permits.take(3)
    permits.resize(1)
    assert permits.free == 0
    permits.give_unused(some(2), 2)
    assert permits.free == 0, "two of three are settled: the one left is all there may be"
    permits.give_unused(some(1), 1)
    assert permits.free == 1


async def test_closing_sends_everybody_away_with_nothing() -> None:
    permits = Permits(1)
    await permits.take(1)
    tasks = await begun(permits.take(1), permits.take(1))
    permits.close()
    assert await asyncio.wait_for(asyncio.gather(*tasks), 1) == [NOTHING, NOTHING]


async def test_nothing_is_handed_out_once_closed_though_permits_are_free() -> None:
    permits = Permits(5)
    permits.close()
    assert await permits.take(1) == NOTHING
    assert permits.free == 5


async def test_a_receive_under_way_counts_as_if_it_brought_the_largest_messages() -> None:
    permits = Permits(200, held_bytes=25 * MAX_MESSAGE_BYTES)
    assert await permits.take(10) == await permits.take(10) == some(10)
    assert await permits.take(10) == some(5)
    assert permits.free == 0


async def test_small_messages_leave_room_for_more_and_large_ones_do_not() -> None:
    permits = Permits(200, held_bytes=25 * MAX_MESSAGE_BYTES)
    permits.use(await permits.take(10), [1000] * 10)
    assert permits.free == 27, "24 MiB, of which each message may take nine tenths of one"
    permits.use(await permits.take(10), [MAX_MESSAGE_BYTES] * 10)
    assert permits.free == 14


async def test_what_is_reserved_follows_the_sizes_of_late() -> None:
    permits = Permits(10_000, held_bytes=64 * MAX_MESSAGE_BYTES)
    for _ in range(40):
        grant = await permits.take(10)
        permits.use(grant, [1000] * 10)
        permits.give(10, 10_000)
    assert (await permits.take(10)).bytes_each == LEAST_RESERVED_BYTES
    permits.use(grant, [100_000, 1000])
    assert (await permits.take(10)).bytes_each == 400_000
    permits.use(grant, [MAX_MESSAGE_BYTES])
    assert (await permits.take(10)).bytes_each == MAX_MESSAGE_BYTES


async def test_a_receive_waits_for_bytes_as_it_does_for_permits() -> None:
    permits = Permits(200, held_bytes=2 * MAX_MESSAGE_BYTES)
    permits.use(await permits.take(10), [MAX_MESSAGE_BYTES] * 2)
    waiting = asyncio.create_task(permits.take(10))
    await asyncio.sleep(1)
    assert not waiting.done()
    permits.give(1, MAX_MESSAGE_BYTES)
    assert await waiting == some(1)


async def test_more_than_was_reckoned_with_is_made_up_for() -> None:
    """Text of rare characters takes four bytes of memory each, so a message may be larger."""
    permits = Permits(200, held_bytes=4 * MAX_MESSAGE_BYTES)
    permits.use(await permits.take(2), [3 * MAX_MESSAGE_BYTES] * 2)
    assert permits.free == 0
    permits.give(2, 6 * MAX_MESSAGE_BYTES)
    assert permits.free == 4


async def test_what_is_unused_comes_back_whole_whatever_was_learnt_meanwhile() -> None:
    permits = Permits(10, held_bytes=10 * MAX_MESSAGE_BYTES)
    grant = await permits.take(9)
    permits.use(await permits.take(1), [1000])
    permits.give(1, 1000)
    permits.give_unused(grant, 9)
    assert permits.free == 10
    assert (await permits.take(10)).messages == 10
