"""A queue's redrive policy is told of when it will hurt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.addresses import parse_queue
from gateway.core.events import RouteWarned
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress
from gateway.core.routing.route import Fallback, Route
from gateway.ports import Redrive
from gateway.runtime.redrive_warnings import redrive_warnings
from tests.builders import CANARY, STABLE, route
from tests.fakes import VIRTUAL_TIME
from tests.fakes.rig import at_work
from tests.fakes.source import InMemorySource


def versions(after_receives: int | None = 3) -> Route:
    return route(versions=(STABLE, CANARY), fallback=Fallback(after_receives=after_receives))


def test_no_redrive_policy_and_no_dead_letter_queue_is_a_warning() -> None:
    (warning,) = redrive_warnings(versions(), None)
    assert "no redrive policy" in warning.what
    assert "for ever" in warning.what
    assert "reject:" in warning.what_to_do
    assert not list(redrive_warnings(route(dead_letter=parse_queue("dead")), None))


@pytest.mark.parametrize(("receives", "warned"), [(1, True), (3, True), (4, False), (1000, False)])
def test_a_redrive_before_the_fallback_is_a_warning(receives: int, *, warned: bool) -> None:
    found = list(redrive_warnings(versions(3), Redrive("dead", receives)))
    assert bool(found) is warned
    assert all("after_receives: 3" in each.what and "dead" in each.what for each in found)


def test_without_such_a_fallback_there_is_nothing_to_warn_of() -> None:
    single = route(versions=(STABLE,), fallback=Fallback())
    for of in (versions(None), route(versions=(STABLE, CANARY)), single):
        assert not list(redrive_warnings(of, Redrive("dead", 1)))


@pytest.mark.parametrize(
    ("fallback", "warned"),
    [
        (None, ["stable", "canary"]),
        (Fallback(on=frozenset(), after_receives=None), ["stable", "canary"]),
        (Fallback(on=frozenset(), after_receives=3), ["stable"]),
        (Fallback(after_receives=None), ["stable"]),
    ],
)
def test_a_full_queue_whose_messages_have_no_other_way_is_a_warning(
    fallback: Fallback | None, warned: list[str]
) -> None:
    full = tuple(
        replace(version, url="", queue=parse_queue(f"q-{version.name}"), max_depth=10)
        for version in (STABLE, CANARY)
    )
    of = route(versions=full, stable=full[0], fallback=fallback)
    found = list(redrive_warnings(of, Redrive("dead", 5)))
    assert [each.what.split()[1] for each in found] == warned
    assert all("moved to dead after 5 receives" in each.what for each in found)
    assert all("max_depth" in each.what_to_do for each in found)
    without = [each for each in redrive_warnings(of, None) if "max_depth" in each.what]
    assert not without


@VIRTUAL_TIME
async def test_a_route_warns_once_at_its_start_and_when_a_reload_changes_it() -> None:
    source = InMemorySource()
    source.redrive = Redrive("dead", 3)
    async with at_work(versions(2), source) as rig:
        assert rig.observer.of(RouteWarned) == []
        assert rig.running.view().redrive == Redrive("dead", 3)
        for _ in range(2):
            rig.running.adopt(versions(5))
        (warning,) = rig.observer.of(RouteWarned)
        assert "after_receives: 5" in warning.what


def test_a_topic_has_no_redrive_policy_that_could_be_missed() -> None:
    topic = TopicAddress("orders")
    plan = KafkaPlan(("kafka:9092",), topic, "orders", Start.EARLIEST)
    on_topic = replace(versions(), queue=topic, kafka=plan)
    assert not list(redrive_warnings(on_topic, None))
