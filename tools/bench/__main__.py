"""`python -m tools.bench`: the gateway and its peers under load; see the package."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench import (
    bodies,
    isolation,
    machine,
    modes,
    report,
    soak_checks,
    throughput,
    written,
)
from tools.bench.arena import NoTlsError, arena
from tools.bench.kafka import behind, rates
from tools.bench.kafka.mode import on_kafka
from tools.bench.peers import PEERS, PeerFailedError
from tools.bench.sink import SLOW_SECONDS
from tools.bench.soak import LOOKS, Soak
from tools.bench.soak_checks import SoakResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.bench.arena import Arena
    from tools.bench.isolation import Turn
    from tools.bench.peers import Peer
    from tools.bench.throughput import Run

SECONDS = 10.0
MEMORY_LOOKS = 10
ISOLATION_TURNS = 3
FAILED = 1
INTERRUPTED = 130


def main() -> int:
    arguments = _arguments()
    machine.pin_harness(os.getpid())
    chosen = [peer for peer in PEERS if not arguments.only or peer.name in arguments.only]
    run = _run_fast if arguments.mode in _FAST_MODES else _run
    with tempfile.TemporaryDirectory() as folder:
        try:
            fine = asyncio.run(run(arguments, chosen, Path(folder)))
        except (PeerFailedError, NoTlsError, ConnectionError) as error:
            print(error, file=sys.stderr)
            return FAILED
        except (KeyboardInterrupt, asyncio.CancelledError):
            return INTERRUPTED
    return 0 if fine else FAILED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("mode", nargs="?", default="throughput", choices=[*_FAST_MODES, *_MODES])
    parser.add_argument("--messages", type=int, help=_MESSAGES_HELP)
    parser.add_argument("--repetitions", type=int, help="5; idle: 1; isolation: 3")
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=[peer.name for peer in PEERS]
    )
    parser.add_argument(
        "--rate",
        type=float,
        action="append",
        help="offered load: latency half of the gateway's rate, bill 10 to 10,000, isolation 400",
    )
    parser.add_argument(
        "--seconds", type=float, help="of load, each turn: 10; kafka-rates: 60, once"
    )
    parser.add_argument("--idle-seconds", type=float, default=60.0, help="to measure (60)")
    parser.add_argument("--part", action="append", choices=modes.PARTS, help=_PARTS_HELP)
    parser.add_argument("--write", action="store_true", help=f"figures into {written.PAGE.name}")
    arguments = parser.parse_args()
    if arguments.seconds is None:
        arguments.seconds = rates.SECONDS if arguments.mode == "kafka-rates" else SECONDS
    return arguments


async def _run(arguments: argparse.Namespace, chosen: Sequence[Peer], folder: Path) -> bool:
    """Return whether the checks of the mode hold."""
    _end_on_sigterm()
    async with arena() as here:
        return await _MODES[arguments.mode](arguments, chosen, here, folder) is not False


async def _run_fast(arguments: argparse.Namespace, chosen: Sequence[Peer], folder: Path) -> bool:
    """Print the figures, and write them to the page with --write."""
    _end_on_sigterm()
    async with arena(folder) as here:
        figures = await _FAST_MODES[arguments.mode](arguments, chosen, here, folder)
    print(figures)
    if arguments.write:
        written.write(arguments.mode, figures)
    return True


def _end_on_sigterm() -> None:
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)


async def _memory(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> None:
    messages = arguments.messages or 100_000
    print(report.header(f"{messages:,} messages, memory at every tenth of them"))
    runs: dict[str, Run] = {}
    for peer in (peer for peer in chosen if peer.name == "gateway"):
        runs[peer.name] = await throughput.measure(peer, here, folder, messages, MEMORY_LOOKS)
    print(report.memory(runs))


async def _soak(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> bool:
    messages = arguments.messages or 1_000_000
    print(report.header(f"{messages:,} messages, a look at every {LOOKS}th of the way"))
    print(soak_checks.HEAD, flush=True)
    soak = Soak(here, folder, messages)
    result = SoakResult(messages, soak.looks)
    try:
        await soak.run(lambda look: print(soak_checks.line(look), flush=True))
    finally:
        print(soak_checks.text(result), flush=True)
    return not result.faults


async def _isolation(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> bool:
    repetitions = arguments.repetitions or ISOLATION_TURNS
    title = f"{repetitions} turns of {arguments.seconds:g} s for each state of the canary"
    print(report.header(title))
    fine = True
    for rate in (*(arguments.rate or [400.0]), None):
        turns: dict[str, list[Turn]] = {state: [] for state in isolation.STATES}
        for repetition in range(repetitions):
            for state, found in turns.items():
                turn = await isolation.measure(here, folder, state, arguments.seconds, rate)
                found.append(turn)
                modes.progress(f"{repetition + 1}: canary {state}, stable {turn.stable:,.0f} msg/s")
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


_FAST_MODES = {
    "throughput": modes.compare,
    "variants": modes.vary,
    "queues": modes.pass_on,
    "kafka": on_kafka,
    "kafka-rates": rates.on_rates,
    "kafka-behind": behind.on_behind,
    "latency": modes.waiting,
    "mirror": modes.mirrored,
    "rollout": modes.judged,
    "follow": modes.followed,
    "dashboard": modes.watched,
    "auto": modes.self_found,
    "idle": modes.resting,
    "bill": modes.bill,
    "scaling": modes.growth,
}
"""On the fast SQS; their figures can be written down."""

_MODES = {
    "memory": _memory,
    "soak": _soak,
    "isolation": _isolation,
    "bodies": _bodies,
}
_MESSAGES_HELP = (
    "200,000; variants: 100,000; rollout, follow: 60,000; scaling: 50,000; memory: 100,000; "
    "soak: 1,000,000; bodies: 2,000; kafka: 100,000"
)
_PARTS_HELP = (
    "of scaling: a routes, c bodies, d slow services, e processes; all where none is named"
)

if __name__ == "__main__":
    sys.exit(main())
