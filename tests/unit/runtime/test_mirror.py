"""A mirror gets copies, and nothing of the real deliveries knows of it."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.delivery.disposition import Broken, Responded, TimedOut, Unreachable
from gateway.core.events import CopyOutcome, DeliveryCrashed, Mirrored
from gateway.core.routing.route import Backoff, Fallback, FallbackOn
from gateway.core.routing.sources import FromAttribute
from tests.builders import CANARY, STABLE, THIRD, attribute, mirror, version
from tests.builders import route as any_route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.chaos import in_virtual_time
from tests.fakes.faults import Operation
from tests.fakes.rig import Rig, at_work

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.route import Route

pytestmark = VIRTUAL_TIME


def route(**rest: Any) -> Route:
    return any_route(**{"mirror": mirror(), **rest})


def send(rig: Rig, tag: str | None = None, **rest: Any) -> str:
    named = {} if tag is None else {"version": attribute(tag)}
    return rig.queue.send(attributes=named, **rest)


async def copies(rig: Rig, *expected: CopyOutcome) -> list[Mirrored]:
    """Return what was reported of copies once there is as much as expected."""

    def found() -> list[CopyOutcome]:
        return [each.outcome for each in rig.observer.of(Mirrored) for _ in range(each.messages)]

    await rig.until(lambda: len(found()) >= len(expected))
    assert sorted(found()) == sorted(expected)
    return rig.observer.of(Mirrored)


async def test_a_message_of_another_version_is_copied_under_the_mirrors_name() -> None:
    async with at_work(route()) as rig:
        send(rig, body="[1]")
        await rig.empty()
        await copies(rig, CopyOutcome.SENT)
        (real,), (copy,) = rig.stable.sent, rig.mirror.sent
        assert copy.body == real.body == b"[1]"
        assert copy.headers == {
            **real.headers,
            "version": "v2",
            "baggage": "version=v2",
            "x-gateway-version": "canary",
            "x-gateway-reason": "mirror",
            "x-gateway-mirror": "true",
        }
        assert rig.canary.sent == []


async def test_a_message_of_the_mirror_is_delivered_to_it_once() -> None:
    async with at_work(route()) as rig:
        send(rig, "v2")
        await rig.empty()
        assert len(rig.canary.sent) == 1
        assert rig.mirror.sent == []


async def test_a_message_is_copied_at_its_first_receive_alone() -> None:
    async with at_work(route(retry=Backoff(1, 1))) as rig:
        send(rig)
        rig.stable.answer("m-1", Responded(500), Broken("reset"))
        await rig.empty()
        assert len(rig.stable.sent) == 3
        assert len(rig.mirror.sent) == 1


async def test_a_fallback_within_a_receive_is_not_copied_again() -> None:
    fallback = Fallback(frozenset({FallbackOn.ERROR}))
    given = route(versions=(STABLE, CANARY, THIRD), fallback=fallback)
    async with at_work(given) as rig:
        send(rig, "v3")
        rig.target("third").default = Responded(500)
        await rig.empty()
        assert len(rig.target("third").sent) == len(rig.stable.sent) == len(rig.mirror.sent) == 1


async def test_a_message_that_goes_straight_to_stable_instead_is_copied_once() -> None:
    given = route(versions=(STABLE, CANARY, THIRD), fallback=Fallback(after_receives=0))
    async with at_work(given) as rig:
        send(rig, "v3")
        send(rig, "v2")
        await rig.empty()
        assert rig.target("third").sent == []
        assert len(rig.stable.sent) == 2
        assert rig.mirror.ids == ["m-1"]


async def test_what_waits_for_a_slot_is_copied_when_it_is_sent() -> None:
    slow = version("stable", tag="v1", max_in_flight=1)
    given = route(versions=(slow, CANARY), max_in_flight=100)
    async with at_work(given) as rig:
        rig.stable.takes_seconds = 10
        send(rig)
        send(rig)
        await rig.until(lambda: rig.mirror.ids == ["m-1"])
        await rig.empty()
        began = [each.began_at for each in rig.mirror.sent]
        assert began[1] - began[0] >= 10


TROUBLES: dict[str, DeliveryResult | Exception] = {
    "hanging": TimedOut(3600),
    "refusing": Unreachable("connection refused"),
    "resetting": Broken("connection reset"),
    "rejecting": Responded(400),
    "overloaded": Responded(503, 30.0),
    "defective": RuntimeError("a defect"),
}


def history(given: Route, trouble: DeliveryResult | Exception) -> tuple[list[Any], int]:
    """Return all deliveries and settlements of a load, with times, and the number of copies.

    The time begins at 0 each time.
    """
    told: list[Any] = []
    copied = 0

    async def scenario() -> None:
        nonlocal copied
        fifo = given.queue.name.endswith(".fifo")
        async with at_work(given) as rig:
            for each in rig.mirrors:
                each.default = trouble
                each.takes_seconds = 3600 if isinstance(trouble, TimedOut) else 0
            rig.stable.pace = lambda message_id: (
                0.2 + int(message_id[2:]) * pi / 1_000
            )  # no two ends
            for n in range(120):
                sent = send(rig, "v2" if n % 7 == 0 else None, group=f"g-{n % 5}" if fifo else None)
                if n % 3 == 0:
                    rig.stable.answer(sent, Responded(500))
            await rig.empty()
            real = (*rig.stable.sent, *rig.canary.sent)
            told.extend((at.began_at, at.ended_at, at.headers) for at in real)
            for settles in (Operation.DELETE, Operation.CHANGE_VISIBILITY):
                told.extend((at.began_at, at.asked) for at in rig.queue.calls_of(settles))
            told.extend(rig.observer.of(DeliveryCrashed))
            copied = sum(len(each.sent) for each in rig.mirrors)

    in_virtual_time(scenario())
    return told, copied


@pytest.mark.parametrize("queue", ["orders", "orders.fifo"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_mirror_in_trouble_changes_no_delivery_no_settlement_and_no_order(
    queue: str, trouble: str
) -> None:
    given: dict[str, Any] = {"queue": queue, "max_in_flight": 200, "retry": Backoff(1, 4)}
    without, none = history(any_route(**given), TROUBLES[trouble])
    mirrored = route(**given, mirror=mirror(max_in_flight=3))
    with_copies, some = history(mirrored, TROUBLES[trouble])
    assert with_copies == without
    assert none == 0
    assert some >= 3


async def test_beyond_max_in_flight_copies_are_dropped() -> None:
    async with at_work(route(mirror=mirror(max_in_flight=2, timeout_seconds=5))) as rig:
        rig.mirror.hold()
        for _ in range(5):
            send(rig)
        await rig.empty()
        assert len(rig.mirror.sent) == 2
        dropped, failed = [CopyOutcome.DROPPED] * 3, [CopyOutcome.FAILED] * 2
        told = await copies(rig, *dropped, *failed)
        assert told[-1].why == "no response within 5 s"
        send(rig)
        await rig.until(lambda: len(rig.mirror.sent) == 3)  # there is room again


async def test_a_copy_ends_at_its_timeout_also_where_its_target_does_not_end_it() -> None:
    """A target's timeout begins only once a request has a connection."""
    slow = version("canary", tag="v2", timeout_seconds=3600)
    async with at_work(
        route(versions=(STABLE, slow), mirror=mirror(to=slow, timeout_seconds=2))
    ) as rig:
        rig.mirror.hold()
        send(rig)
        await rig.until(lambda: rig.mirror.sent)
        began = rig.now
        await copies(rig, CopyOutcome.FAILED)
        assert rig.now - began < 3


async def test_while_files_run_short_copies_are_dropped() -> None:
    slow = version("stable", tag="v1", max_in_flight=1)
    async with at_work(route(versions=(slow, CANARY))) as rig:
        rig.stable.hold()
        send(rig)
        send(rig)
        await rig.until(lambda: rig.running.view().waiting)
        rig.short = True
        rig.stable.release()
        await rig.empty()
        rig.short = False
        await copies(rig, CopyOutcome.SENT, CopyOutcome.DROPPED)


async def test_a_defect_in_the_choice_of_copies_is_a_failed_copy() -> None:
    class Odd(FromAttribute):
        def read(self, message: object) -> str | None:
            raise RuntimeError("odd")

    async with at_work(route(mirror=mirror(sticky=Odd("customer")))) as rig:
        send(rig)
        await rig.empty()
        (told,) = await copies(rig, CopyOutcome.FAILED)
        assert "odd" in told.why
        assert rig.observer.of(DeliveryCrashed) == []


# ---- reload -------------------------------------------------------------------------------------


async def test_a_mirror_comes_and_goes_with_the_routing_file() -> None:
    async with at_work(any_route()) as rig:
        send(rig)
        await rig.empty()
        assert rig.mirrors == []
        rig.running.adopt(route())
        send(rig)
        await rig.empty()
        assert rig.mirror.ids == ["m-2"]
        rig.running.adopt(any_route())
        await rig.running.close_retired()
        assert rig.mirror.closed
        send(rig)
        await rig.empty()
        assert rig.mirror.ids == ["m-2"]


async def test_a_mirror_that_was_removed_gets_no_copy_of_what_still_waits() -> None:
    slow = version("stable", tag="v1", max_in_flight=1)
    given = route(versions=(slow, CANARY))
    async with at_work(given) as rig:
        rig.stable.hold()
        send(rig)
        send(rig)
        await rig.until(lambda: rig.running.view().waiting)
        rig.running.adopt(any_route(versions=(slow, CANARY)))
        rig.stable.release()
        await rig.empty()
        assert rig.mirror.ids == ["m-1"]


async def test_a_mirror_that_changes_has_its_new_limits_and_its_old_connections() -> None:
    async with at_work(route(mirror=mirror(percent=0))) as rig:
        send(rig)
        await rig.empty()
        rig.running.adopt(route(mirror=mirror(timeout_seconds=1)))
        rig.mirror.hold()
        send(rig)
        await rig.empty()
        (told,) = await copies(rig, CopyOutcome.FAILED)
        assert told.why == "no response within 1 s"
        assert len(rig.mirrors) == 1


async def test_a_mirror_with_another_url_has_another_target() -> None:
    elsewhere = version("canary", tag="v2", url="http://elsewhere.test/")
    async with at_work(route()) as rig:
        rig.mirror.hold()
        send(rig)
        await rig.empty()
        rig.running.adopt(route(versions=(STABLE, elsewhere), mirror=mirror(to=elsewhere)))
        await rig.running.close_retired()
        first, second = rig.mirrors
        assert first.closed
        first.release()  # what is under way ends as it would have
        send(rig)
        await copies(rig, CopyOutcome.SENT, CopyOutcome.SENT)
        assert len(second.sent) == 1


# ---- stop ---------------------------------------------------------------------------------------


async def test_a_stop_waits_for_copies_after_all_is_settled_and_no_longer_than_the_drain() -> None:
    async with at_work(route(wait_seconds=0, mirror=mirror(timeout_seconds=60))) as rig:
        rig.mirror.hold()
        send(rig)
        await rig.empty()
        assert await rig.stop(drain_seconds=10) == pytest.approx(10, abs=0.1)
        assert rig.mirror.sent[0].cancelled


async def test_a_stop_ends_with_the_last_copy() -> None:
    async with at_work(route(wait_seconds=0)) as rig:
        rig.mirror.takes_seconds = 3
        send(rig)
        await rig.empty()
        assert await rig.stop(drain_seconds=20) <= 3
        assert rig.mirror.sent[0].result == Responded(200)


async def test_a_hard_stop_cancels_copies() -> None:
    async with at_work(route(wait_seconds=0, mirror=mirror(timeout_seconds=60))) as rig:
        rig.mirror.hold()
        send(rig)
        await rig.empty()
        began = rig.now
        rig.running.halt()
        await rig.ended()
        assert rig.now - began < 1.5
        assert rig.mirror.sent[0].cancelled


async def test_nothing_is_copied_once_the_route_stops() -> None:
    slow = version("stable", tag="v1", max_in_flight=1)
    given = route(versions=(slow, CANARY), wait_seconds=0)
    async with at_work(given) as rig:
        rig.stable.takes_seconds = 5
        send(rig)
        send(rig)
        await rig.until(lambda: rig.running.view().waiting)
        await rig.stop()
        assert rig.mirror.ids == ["m-1"]
