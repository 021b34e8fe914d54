"""`python -m tests.bench`: throughput (default), latency or memory of the gateway and its peers."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import latency, machine, report, throughput
from tests.bench.arena import arena
from tests.bench.peers import PEERS, PeerFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.arena import Arena
    from tests.bench.latency import Ages
    from tests.bench.peers import Peer
    from tests.bench.throughput import Run

MEMORY_LOOKS = 10


def main() -> int:
    arguments = _arguments()
    machine.pin_harness(os.getpid())
    chosen = [peer for peer in PEERS if not arguments.only or peer.name in arguments.only]
    with tempfile.TemporaryDirectory() as folder:
        try:
            asyncio.run(_run(arguments, chosen, Path(folder)))
        except PeerFailedError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("mode", nargs="?", default="throughput", choices=_MODES)
    parser.add_argument("--messages", type=int, help="20,000; 100,000 for memory")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=[peer.name for peer in PEERS]
    )
    parser.add_argument(
        "--rate", type=float, action="append", help="offered load for latency (100 and 1,000)"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of offered load (10)")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace, chosen: Sequence[Peer], folder: Path) -> None:
    async with arena() as here:
        await _MODES[arguments.mode](arguments, chosen, here, folder)


async def _throughput(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> None:
    """Take turns, so that whatever else the machine does meets all peers alike."""
    messages = arguments.messages or 20_000
    print(report.header(f"{messages:,} messages, {arguments.repetitions} repetitions by turns"))
    runs: dict[str, list[Run]] = {peer.name: [] for peer in chosen}
    for repetition in range(arguments.repetitions):
        for peer in chosen:
            run = await throughput.measure(peer, here, folder, round(messages * peer.share))
            runs[peer.name].append(run)
            _progress(f"{repetition + 1}: {peer.name} {run.rate:,.0f} msg/s")
    print(report.throughput(runs))


async def _latency(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> None:
    rates = arguments.rate or [100.0, 1000.0]
    print(report.header(f"{arguments.seconds:g} s of offered load, visible to POST"))
    ages: dict[tuple[str, float], list[Ages]] = {}
    for repetition in range(arguments.repetitions):
        for rate in rates:
            for peer in (peer for peer in chosen if peer.delivers):
                found = await latency.measure(peer, here, folder, rate, arguments.seconds)
                ages.setdefault((peer.name, rate), []).append(found)
                _progress(f"{repetition + 1}: {peer.name} at {rate:g}/s, p50 {found.p50_ms:.2f} ms")
    print(report.latency(ages))


async def _memory(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> None:
    messages = arguments.messages or 100_000
    print(report.header(f"{messages:,} messages, memory at every tenth of them"))
    runs: dict[str, Run] = {}
    for peer in (peer for peer in chosen if peer.splits):
        runs[peer.name] = await throughput.measure(peer, here, folder, messages, MEMORY_LOOKS)
    print(report.memory(runs))


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


_MODES = {"throughput": _throughput, "latency": _latency, "memory": _memory}

if __name__ == "__main__":
    sys.exit(main())
