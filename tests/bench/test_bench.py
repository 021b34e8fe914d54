"""The bench tells the truth: it sees what is lost, doubled or late, and a peer that fails."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from tests.bench import latency, report, throughput
from tests.bench.arena import BODY_BYTES, arena, body
from tests.bench.peers import PEERS, Peer, PeerFailedError
from tests.bench.sink import Arrivals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.throughput import Run

CEILING = next(peer for peer in PEERS if peer.name == "ceiling")


def test_a_message_that_arrives_twice_counts_once_and_as_doubled() -> None:
    arrivals = Arrivals()
    for message_id in (b"1", b"2", b"1"):
        arrivals.note(b"/stable", message_id, b"{}", pinned=False)

    summary = arrivals.summary()
    assert (summary["by_path"], summary["distinct"], summary["doubled"]) == ({"stable": 3}, 2, 1)


def test_a_stamped_body_tells_its_age() -> None:
    arrivals = Arrivals()
    arrivals.note(b"/stable", b"1", b'{"sent_at":1700000000.000000,"a":1}', pinned=False)
    arrivals.note(b"/stable", b"2", b'{"a":1}', pinned=False)

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
