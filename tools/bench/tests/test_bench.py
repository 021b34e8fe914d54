"""The benchmark reports what is lost, doubled or late, and a peer that fails."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tools.bench import (
    bodies,
    dashboards,
    isolation,
    latency,
    mirrors,
    report,
    rollouts,
    soak_checks,
    throughput,
    written,
)
from tools.bench.arena import BODY_BYTES, arena, body
from tools.bench.isolation import Turn
from tools.bench.latency import Ages
from tools.bench.peers import PEERS, VARIANTS, Peer, PeerFailedError, Variant
from tools.bench.sink import Arrivals
from tools.bench.soak import Look, Soak
from tools.bench.soak_checks import SoakResult
from tools.bench.throughput import Run

if TYPE_CHECKING:
    from pathlib import Path

CEILING = next(peer for peer in PEERS if peer.name == "ceiling")
UNCOMPILED = next(peer for peer in PEERS if peer.name == "uncompiled")


def test_a_message_that_arrives_twice_counts_once_and_as_doubled() -> None:
    arrivals = Arrivals()
    for message_id in (b"1", b"2", b"1"):
        arrivals.count(b"/stable", message_id, b"{}")

    summary = arrivals.summary()
    assert (summary["by_path"], summary["distinct"], summary["doubled"]) == ({"stable": 3}, 2, 1)


def test_a_stamped_body_tells_its_age() -> None:
    arrivals = Arrivals()
    arrivals.count(b"/stable", b"1", b'{"sent_at":1700000000.000000,"a":1}')
    arrivals.count(b"/stable", b"2", b'{"a":1}')

    (age_ms,) = arrivals.summary()["ages_ms"]
    assert age_ms > 0


@pytest.mark.parametrize("prefix", ["{", '{"sent_at":1700000000.000000,'])
def test_bodies_are_json_of_the_usual_size(prefix: str) -> None:
    assert json.loads(body(prefix))
    assert len(body(prefix)) == BODY_BYTES


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_quantile_is_the_smallest_value_that_covers_the_share(share: float, value: int) -> None:
    assert latency.quantile([float(n) for n in range(1, 101)], share) == value


def test_a_table_lines_up_names_to_the_left_and_numbers_to_the_right() -> None:
    assert report.table(["peer", "msg/s"], [["a", "1,000"], ["long", "2"]]).splitlines() == [
        "peer  msg/s",
        "----  -----",
        "a     1,000",
        "long      2",
    ]


def run_at(rate: float) -> Run:
    return throughput.Run(
        messages=100, seconds=100 / rate, cpu_us_per_message=30.0, harness_busy=0.5,
        harness_us_per_message=20.0, requests_per_1000=200.0, rss=(80.0,), lost=0, doubled=0,
        canary_share=None,
    )  # fmt: skip


def test_a_ratio_is_taken_between_runs_of_the_same_repetition() -> None:
    """Noise that halves both in one repetition changes no ratio."""
    ours, theirs = [run_at(300), run_at(150)], [run_at(200), run_at(100)]

    assert report.ratios(ours, theirs) == pytest.approx([1.5, 1.5])


def test_a_variant_is_compared_with_the_plain_run_of_the_same_repetition() -> None:
    """Noise that halves both in one repetition changes no share."""
    runs = {
        ("gateway", "plain"): [run_at(300), run_at(150)],
        ("gateway", "tls"): [run_at(240), run_at(120)],
    }

    row = next(line for line in report.variants(runs).splitlines() if " tls " in line)
    assert row.split()[4] == "0.80"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
async def test_the_gateway_moves_all_messages_of_each_variant(
    variant: Variant, tmp_path: Path
) -> None:
    async with arena(tmp_path) as here:
        if variant.services_tls and not here.services.https:
            pytest.skip("OpenSSL has no headers here")
        one = dataclasses.replace(UNCOMPILED, variant=variant)
        run = await throughput.measure(one, here, tmp_path, 300)

    assert (run.messages, run.lost, run.doubled) == (300, 0, 0)


def test_figures_that_are_written_down_replace_those_of_their_mode_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "PAGE", tmp_path / "benchmarks.md")

    written.write("idle", "first")
    written.write("bill", "peer  offered/s")
    written.write("idle", "second")

    found = written.sections(written.PAGE.read_text())
    assert list(found) == ["idle", "bill"]
    assert "second" in found["idle"]
    assert "first" not in written.PAGE.read_text()


def test_the_page_of_benchmarks_has_the_shape_that_the_bench_writes() -> None:
    found = written.sections(written.PAGE.read_text())

    for figures in found.values():
        assert re.match(r"20\d\d-\d\d-\d\d, sqs-version-gateway \d", figures)
        assert re.search(r"^-+(  -+)+$", figures, re.MULTILINE)
        assert "Python 3." in figures


async def measured(peer: Peer, folder: Path, messages: int = 200) -> Run:
    async with arena() as here:
        return await throughput.measure(peer, here, folder, messages)


async def test_a_run_counts_messages_requests_and_memory(tmp_path: Path) -> None:
    run = await measured(CEILING, tmp_path)

    assert (run.messages, run.lost, run.doubled) == (200, 0, 0)
    assert run.rate > 0
    assert run.requests_per_1000 >= 200  # 20 receives and 20 deletes
    assert len(run.rss) == 3


async def test_a_peer_that_deletes_without_delivering_has_lost_everything(tmp_path: Path) -> None:
    only_sqs = next(peer for peer in PEERS if peer.name == "ceiling-sqs")

    run = await measured(dataclasses.replace(only_sqs, delivers=True), tmp_path)

    assert run.lost == 200


async def test_a_peer_that_fails_to_start_is_quoted(tmp_path: Path) -> None:
    broken = Peer("broken", "exits", ("-c", "raise SystemExit('no such thing')"))

    with pytest.raises(PeerFailedError, match="no such thing"):
        await measured(broken, tmp_path)


async def test_a_soak_looks_twenty_times_and_before_and_after(tmp_path: Path) -> None:
    """The real process tells its tasks, and is as quiet at the end as it was at first."""
    looks: list[Look] = []
    async with arena() as here:
        soak = Soak(here, tmp_path, 400)
        await soak.run(looks.append)

    result = SoakResult(400, soak.looks)
    assert looks == soak.looks
    assert [look.resting for look in looks] == [True, *[False] * 20, True]
    assert (result.lost, result.left, result.last.doubled, result.left_tasks) == (0, 0, 0, {})
    assert looks[0].tasks["poll"] == 1
    assert result.last.other_files > 0


def look(**different: Any) -> Look:
    usual = Look(
        resting=False, seconds=1.0, sent=100, deleted=100, delivered=100, doubled=0,
        worst_receive_count=1, rss_mib=80.0, connections=9, other_files=20, threads=6,
        blocks=1, tasks={"poll": 1},
    )  # fmt: skip
    return dataclasses.replace(usual, **different)


@pytest.mark.parametrize(
    ("different", "fault"),
    [
        ({"delivered": 99}, "lost 1"),
        ({"doubled": 2}, "doubled 2"),
        ({"deleted": 97}, "3 not deleted"),
        ({"tasks": {"poll": 1, "deliver": 1}}, "tasks left over: {'deliver': 1}"),
    ],
)
def test_a_soak_says_what_is_wrong_at_its_end(different: dict[str, Any], fault: str) -> None:
    end = look(resting=True, **different)

    assert SoakResult(100, [look(resting=True), look(), look(), end]).faults == [fault]


@pytest.mark.parametrize(
    ("different", "fault"),
    [
        ({"rss_mib": 84.0}, "memory grew by 5.0%"),
        ({"other_files": 31}, "open files grew from 20 to 31"),
        ({"connections": 301}, "301 connections"),
    ],
)
def test_a_soak_says_what_grew(different: dict[str, Any], fault: str) -> None:
    before, after = look(resting=True, deleted=0), look(resting=True)

    assert SoakResult(100, [before, look(), look(**different), after]).faults == [fault]


def test_a_soak_that_is_broken_off_counts_what_is_deleted_already() -> None:
    """What is still under way is not lost."""
    before = look(resting=True, deleted=0, delivered=0)
    fine, lossy = look(deleted=40, delivered=45), look(deleted=40, delivered=39)

    assert SoakResult(100, [before, fine]).faults == []
    assert SoakResult(100, [before, lossy]).faults == ["lost 1"]
    assert "broken off" in soak_checks.text(SoakResult(100, [before, fine]))


def test_isolation_compares_each_turn_with_the_canary_that_was_well() -> None:
    """A median over the turns: one bad turn of three is the machine's."""
    well, slow = Turn(100, 200, 10, 0.5, 0.1), Turn(50, 190, 10, 0.5, 0.1)
    turns = {"well": [well] * 3, "hangs": [well, slow, well], "sheds": [slow, slow, well]}

    assert isolation.shares(turns) == {"hangs": (1.0, 1.0), "sheds": (0.5, 0.95)}
    assert not isolation.fine(turns)
    assert isolation.fine({**turns, "sheds": [well] * 3})


async def test_an_isolation_turn_sees_a_hanging_canary_and_those_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "WARM_UP_SECONDS", 0.1)
    async with arena() as here:
        turn = await isolation.measure(here, tmp_path, "hangs", 1.0, 300.0, UNCOMPILED)

    assert turn.stable > turn.tries > 0
    assert turn.other > turn.tries


async def test_large_bodies_are_counted_and_weighed(tmp_path: Path) -> None:
    async with arena() as here:
        run = await bodies.measure(here, tmp_path, "JSON", 20, UNCOMPILED)

    assert (run.deleted, run.lost, run.doubled) == (20, 0, 0)
    assert run.peak_mib > run.before_mib


@pytest.mark.parametrize("kind", bodies.KINDS)
def test_large_bodies_are_as_large_as_sqs_allows(kind: str) -> None:
    assert len(bodies.KINDS[kind].encode()) == bodies.BODY_BYTES


def test_a_mirror_is_compared_with_none_within_each_turn() -> None:
    def aged(p99_ms: float) -> Ages:
        return Ages(100, 100, 0, 1.0, p99_ms, 9.0, 20.0, 300.0, 0.1)

    turns = {"none": [aged(2), aged(40)], "hangs": [aged(2), aged(44)]}
    assert mirrors.ratios(turns) == {"none": 1.0, "hangs": 1.05}
    assert "1.05" in mirrors.text(turns)


def test_a_judged_route_is_compared_with_none_within_each_turn() -> None:
    def ran(seconds: float) -> Run:
        return Run(1_000, seconds, 20.0, 0.5, 5.0, 300.0, (40.0,), 0, 0, 0.1)

    turns = {"none": [ran(1.0), ran(2.0)], "judged": [ran(1.01), ran(2.02)]}
    assert "0.990" in rollouts.text(turns)


def test_an_open_dashboard_is_compared_with_none_within_each_turn() -> None:
    runs = {0: [run_at(100.0), run_at(2_000.0)], 1: [run_at(98.0), run_at(1_960.0)]}
    assert dashboards.ratios(runs) == {0: 1.0, 1: pytest.approx(0.98)}
    assert "0.980" in dashboards.text(runs)
