"""`python -m tests.bench`: what the gateway and its peers do under load; see the package."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import bodies, isolation, latency, machine, report, soak_verdict, throughput
from tests.bench.arena import arena
from tests.bench.peers import PEERS, PeerFailedError
from tests.bench.sink import SLOW_SECONDS
from tests.bench.soak import LOOKS, Soak
from tests.bench.soak_verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.arena import Arena
    from tests.bench.isolation import Turn
    from tests.bench.latency import Ages
    from tests.bench.peers import Peer
    from tests.bench.throughput import Run

MEMORY_LOOKS = 10
FAILED = 1
INTERRUPTED = 130


def main() -> int:
    arguments = _arguments()
    machine.pin_harness(os.getpid())
    chosen = [peer for peer in PEERS if not arguments.only or peer.name in arguments.only]
    with tempfile.TemporaryDirectory() as folder:
        try:
            fine = asyncio.run(_run(arguments, chosen, Path(folder)))
        except (PeerFailedError, ConnectionError) as error:
            print(error, file=sys.stderr)
            return FAILED
        except (KeyboardInterrupt, asyncio.CancelledError):
            return INTERRUPTED
    return 0 if fine else FAILED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("mode", nargs="?", default="throughput", choices=_MODES)
    parser.add_argument("--messages", type=int, help=_MESSAGES_HELP)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=[peer.name for peer in PEERS]
    )
    parser.add_argument(
        "--rate",
        type=float,
        action="append",
        help="offered load: latency 100 and 1,000, isolation 400",
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of load, each turn (10)")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace, chosen: Sequence[Peer], folder: Path) -> bool:
    """Return whether all is as it should be, as far as the mode can tell."""
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    async with arena() as here:
        return await _MODES[arguments.mode](arguments, chosen, here, folder) is not False


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


async def _soak(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> bool:
    messages = arguments.messages or 1_000_000
    print(report.header(f"{messages:,} messages, a look at every {LOOKS}th of the way"))
    print(soak_verdict.HEAD, flush=True)
    soak = Soak(here, folder, messages)
    verdict = Verdict(messages, soak.looks)
    try:
        await soak.run(lambda look: print(soak_verdict.line(look), flush=True))
    finally:
        print(soak_verdict.text(verdict), flush=True)
    return not verdict.faults


async def _isolation(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> bool:
    title = f"{arguments.repetitions} turns of {arguments.seconds:g} s for each state of the canary"
    print(report.header(title))
    fine = True
    for rate in (*(arguments.rate or [400.0]), None):
        turns: dict[str, list[Turn]] = {state: [] for state in isolation.STATES}
        for repetition in range(arguments.repetitions):
            for state, found in turns.items():
                turn = await isolation.measure(here, folder, state, arguments.seconds, rate)
                found.append(turn)
                _progress(f"{repetition + 1}: canary {state}, stable {turn.stable:,.0f} msg/s")
        print(isolation.text(turns, rate), flush=True)
        fine = fine and (rate is None or isolation.fine(turns))
    return fine


async def _bodies(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> None:
    messages = arguments.messages or 2_000
    print(report.header(f"{messages:,} messages of 1 MiB of each kind, {SLOW_SECONDS:g} s each"))
    runs = {kind: await bodies.measure(here, folder, kind, messages) for kind in bodies.KINDS}
    print(bodies.text(runs))


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


_MODES = {
    "throughput": _throughput,
    "latency": _latency,
    "memory": _memory,
    "soak": _soak,
    "isolation": _isolation,
    "bodies": _bodies,
}
_MESSAGES_HELP = "20,000; memory: 100,000; soak: 1,000,000; bodies: 2,000"

if __name__ == "__main__":
    sys.exit(main())
