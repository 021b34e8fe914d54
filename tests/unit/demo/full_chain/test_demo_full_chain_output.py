"""The table of the full chain: a row for each way, also for one that cannot be had."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from gateway.demo.audit import Order, Sighting
from gateway.demo.checks import queue_check
from gateway.demo.full_chain.output import FullChainOutput
from gateway.demo.full_chain.result import Missing, Result, result_of
from tests.unit.demo.audits import WEIGHTS, good_run, sighting
from tests.unit.demo.test_demo_output import WIDE, Printed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.demo.load import Load


def result(orders: Iterable[Order], sightings: list[Sighting], expected: int = 100) -> Result:
    load: Any = SimpleNamespace(orders={one.name: one for one in orders}, sightings=sightings)
    return result_of("by sender", cast("Load", load), expected, WEIGHTS, [queue_check(0)])


def printed(*results: Result | Missing) -> str:
    here = Printed()
    FullChainOutput(here.output).results(results, 100)
    assert max(map(len, here.text.splitlines())) <= WIDE
    return here.text


def test_a_good_way_is_a_row_of_figures() -> None:
    text = printed(result(*good_run()))
    (row,) = (line.split() for line in text.splitlines() if line.startswith("  by sender    "))
    assert row == ["by", "sender", "90", "10", "10.0%", "0", "0", "0", "0", "10", "10"]
    assert "PASS: in all 1 ways each of 100 orders" in text


def test_the_path_alone_counts_since_nothing_passes_the_version_on() -> None:
    orders, sightings = good_run()
    plain = [Sighting(one.order, one.path, None, one.seconds) for one in sightings]
    assert result(orders, plain).good


def test_a_crossed_order_and_a_lost_one_fail_the_run() -> None:
    orders, sightings = good_run()
    crossed = sighting(orders[1], ("A", "B", "C1", "D"))
    bad = result(orders, [crossed, *sightings[2:]])
    text = printed(bad)
    counts = Counter({"lost": 1, "crossed": 1})
    for check in bad.checks:
        if check.name in ("lost", "crossed", "doubled", "misrouted"):
            assert len(check.orders) == counts[check.name]
    assert "FAIL: not all of this held" in text


def test_a_way_that_cannot_be_had_says_why_and_fails_nothing() -> None:
    text = printed(result(*good_run()), Missing("OpenTelemetry", "there is no node on the PATH"))
    assert "OpenTelemetry  not available: there is no node on the PATH" in text
    assert "PASS: in 1 of 2 ways" in text


def test_the_title_has_a_picture_and_names_the_ways() -> None:
    here = Printed()
    FullChainOutput(here.output).title()
    for part in ("A --> orders --> gateway", "by sender", "OpenTelemetry", "own queues"):
        assert part in here.text
    assert here.text.isascii()
