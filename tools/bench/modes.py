"""The modes that run on the fast SQS: rates, variants, latency, requests to SQS, scaling.

Each returns its figures as text, header included.
"""

from __future__ import annotations

import sys
from dataclasses import astuple, replace
from functools import partial
from itertools import product
from statistics import median
from typing import TYPE_CHECKING, Final

from tools.bench import (
    auto_limits,
    dashboards,
    decisions,
    follows,
    idle,
    install,
    latency,
    mirrors,
    queues,
    report,
    rollouts,
    scaling,
    throughput,
)
from tools.bench.peers import PEERS, VARIANTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tools.bench.arena import Arena
    from tools.bench.auto_limits import Slowed
    from tools.bench.follows import Rest
    from tools.bench.latency import Ages
    from tools.bench.peers import Peer
    from tools.bench.scaling import Load
    from tools.bench.throughput import Run

MESSAGES: Final = 200_000
VARIED: Final = 100_000
REPETITIONS: Final = 5
JUDGED: Final = 60_000
PROBE: Final = 50_000
ROUND_TRIP_MS: Final = 10.0
BILL_RATES: Final = (10.0, 100.0, 1_000.0, 10_000.0)
PARTS: Final = "acde"
ROUTED_TIMES: Final = 4  # the more routes, the fewer messages of each
_OURS: Final = PEERS[0]
GATEWAYS: Final = ("gateway", "uncompiled")


def able(chosen: Sequence[Peer]) -> tuple[list[Peer], list[str]]:
    """Return the peers that are installed, and a line about each one that cannot be."""
    reasons = {peer.name: install.missing(peer.name) for peer in chosen}
    skipped = [f"SKIPPED {name}: {why}" for name, why in reasons.items() if why]
    for line in skipped:
        progress(line)
    return [peer for peer in chosen if not reasons[peer.name]], skipped


def gateway_of(chosen: Sequence[Peer]) -> Peer:
    """Return the gateway that was chosen, compiled where neither is named."""
    return next((each for each in chosen if each.name in GATEWAYS), _OURS)


async def compare(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns, so that other load on the machine hits all peers alike."""
    messages, turns = arguments.messages or MESSAGES, arguments.repetitions or REPETITIONS
    peers, skipped = able(chosen)
    runs: dict[str, list[Run]] = {peer.name: [] for peer in peers}
    for turn, peer in product(range(turns), peers):
        run = await throughput.measure(peer, here, folder, round(messages * peer.share))
        runs[peer.name].append(run)
        progress(f"{turn + 1}: {peer.name} {run.rate:,.0f} msg/s")
    title = f"{messages:,} messages (fewer for slow peers), {turns} repetitions by turns"
    return report.header(title, here.made_of, *skipped) + "\n" + report.throughput(runs)


async def vary(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Measure each peer on each variant, by turns."""
    messages, turns = arguments.messages or VARIED, arguments.repetitions or REPETITIONS
    peers, skipped = able([peer for peer in chosen if peer.name in _VARIED])
    runs: dict[tuple[str, str], list[Run]] = {}
    for turn, peer, variant in product(range(turns), peers, VARIANTS):
        one = replace(peer, variant=variant)
        run = await throughput.measure(one, here, folder, round(messages * peer.share))
        runs.setdefault((peer.name, variant.name), []).append(run)
        progress(f"{turn + 1}: {peer.name} {variant.name} {run.rate:,.0f} msg/s")
    title = f"{messages:,} messages (fewer for slow peers), {turns} repetitions by turns"
    return report.header(title, here.made_of, *skipped) + "\n" + report.variants(runs)


async def pass_on(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Measure the gateway from queue to queue and from queue to services, by turns."""
    messages, turns = arguments.messages or VARIED, arguments.repetitions or REPETITIONS
    peers, skipped = able([peer for peer in chosen if peer.name in _PASSING_ON])
    runs: dict[tuple[str, str], list[Run]] = {}
    for turn, peer, (kind, measure) in product(range(turns), peers, _KINDS.items()):
        run = await measure(peer, here, folder, messages)
        runs.setdefault((peer.name, kind), []).append(run)
        progress(f"{turn + 1}: {peer.name} to {kind} {run.rate:,.0f} msg/s")
    title = f"{messages:,} messages, {turns} repetitions by turns"
    return report.header(title, here.made_of, *skipped) + "\n" + report.queues(runs)


async def waiting(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Offer half of the gateway's rate; half of its own to a slower peer."""
    peers, skipped = able([peer for peer in chosen if peer.delivers and peer.name in _LATENCY])
    rates = {peer.name: arguments.rate or [] for peer in peers}
    if not arguments.rate:
        rates = await _halves(peers, here, folder)
    ages: dict[tuple[str, float], list[Ages]] = {}
    for turn in range(arguments.repetitions or REPETITIONS):
        for one, rate in [(peer, rate) for peer in peers for rate in rates[peer.name]]:
            found = await latency.measure(one, here, folder, rate, arguments.seconds)
            ages.setdefault((one.name, rate), []).append(found)
            progress(f"{turn + 1}: {one.name} at {rate:,.0f}/s, p50 {found.p50_ms:.2f} ms")
    title = f"{arguments.seconds:g} s of offered load, visible to POST; medians over the turns"
    return report.header(title, here.made_of, *skipped) + "\n" + report.latency(ages)


async def mirrored(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns without a mirror, with one that hangs, and with one that refuses."""
    peer = gateway_of(chosen)
    (rate,) = arguments.rate or [mirrors.RATE]
    repetitions = arguments.repetitions or REPETITIONS
    turns: dict[str, list[Ages]] = {state: [] for state in mirrors.STATES}
    for turn, (state, found) in product(range(repetitions), turns.items()):
        found.append(await mirrors.measure(peer, here, folder, state, rate, arguments.seconds))
        progress(f"{turn + 1}: mirror {state}, p99 {found[-1].p99_ms:.2f} ms")
    load = f"{rate:,.0f} messages a second for {arguments.seconds:g} s"
    title = f"{peer.name}: {load}, {repetitions} turns"
    return report.header(title, here.made_of) + "\n" + mirrors.text(turns)


async def judged(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns with a rollback and without one; each goes first in every second turn."""
    messages, repetitions = arguments.messages or JUDGED, arguments.repetitions or REPETITIONS
    peer = gateway_of(chosen)
    turns: dict[str, list[Run]] = {state: [] for state in rollouts.STATES}
    for turn in range(repetitions):
        for state in rollouts.STATES[:: 1 if turn % 2 else -1]:
            run = await rollouts.measure(peer, here, folder, state, messages)
            turns[state].append(run)
            progress(f"{turn + 1}: rollback {state} {run.rate:,.0f} msg/s")
    title = f"{peer.name}: {messages:,} messages, {repetitions} repetitions by turns"
    return report.header(title, here.made_of) + "\n" + rollouts.text(turns)


async def followed(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns with a split, an object, and one that changes; then look on without messages."""
    messages, repetitions = arguments.messages or JUDGED, arguments.repetitions or REPETITIONS
    peer = gateway_of(chosen)
    turns: dict[str, list[Run]] = {state: [] for state in follows.STATES}
    rests: dict[str, list[Rest]] = {case.what: [] for case in follows.CASES}
    for turn in range(repetitions):
        for state in follows.STATES[:: 1 if turn % 2 else -1]:
            run = await follows.measure(peer, here, folder, state, messages)
            turns[state].append(run)
            progress(f"{turn + 1}: {state} {run.rate:,.0f} msg/s")
    for turn, case in product(range(repetitions), follows.CASES):
        found = await follows.rest(peer, here, folder, case, arguments.seconds)
        rests[case.what].append(found)
        progress(f"{turn + 1}: {case.what}, {found.core:.2%} of a core, {found.rss_mib:.0f} MiB")
    made = {each.name: decisions.of(each) for each in chosen if each.name in GATEWAYS}
    title = f"{peer.name}: {messages:,} messages, {repetitions} repetitions by turns; "
    title += f"{arguments.seconds:g} s without messages"
    return report.header(title, here.made_of) + "\n" + follows.text(turns, rests, made)


async def watched(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Take turns without a dashboard and with one."""
    peer = gateway_of(chosen)
    messages, repetitions = arguments.messages or MESSAGES, arguments.repetitions or REPETITIONS
    runs: dict[int, list[Run]] = {count: [] for count in dashboards.OPEN}
    for turn, (count, found) in product(range(repetitions), runs.items()):
        beside = partial(dashboards.opened, count)
        found.append(await throughput.measure(peer, here, folder, messages, beside=beside))
        progress(f"{turn + 1}: {count} open, {found[-1].rate:,.0f} msg/s")
    title = f"{peer.name}: {messages:,} messages, {repetitions} repetitions by turns"
    return report.header(title, here.made_of) + "\n" + dashboards.text(runs)


async def self_found(
    arguments: argparse.Namespace, chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Compare numbers with a limit that finds itself: quick services, and one that slows down."""
    peer = gateway_of(chosen)
    messages = arguments.messages or auto_limits.MESSAGES
    repetitions = arguments.repetitions or REPETITIONS
    runs: dict[tuple[str, str], list[Run]] = {}
    slowed: dict[str, list[Slowed]] = {}
    await here.delay(ROUND_TRIP_MS)
    for turn in range(repetitions):
        for service, limit in product(auto_limits.SERVICES, auto_limits.LIMITS):
            run = await auto_limits.measure(peer, here, folder, (service, limit), messages)
            runs.setdefault((service, limit), []).append(run)
            progress(f"{turn + 1}: {service}, {limit}, {run.rate:,.0f} msg/s")
        for limit in auto_limits.SLOWED_LIMITS:
            found = await auto_limits.slow_down(peer, here, folder, limit)
            slowed.setdefault(limit, []).append(found)
            progress(f"{turn + 1}: slows down, {limit}, {found.retried} retried")
    await here.delay(0.0)
    title = f"{peer.name}: {messages:,} messages, SQS {ROUND_TRIP_MS:g} ms away, "
    title += f"{repetitions} turns"
    return report.header(title, here.made_of) + "\n" + auto_limits.text(runs, slowed)


async def resting(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Start, wait for readiness, then measure without messages."""
    turns = [
        await idle.measure(here, folder, arguments.idle_seconds)
        for _ in range(arguments.repetitions or 1)
    ]
    columns = list(zip(*(astuple(turn) for turn in turns), strict=True))
    _, ready, core, receives, rss = (median(column) for column in columns)
    head = ["routes", "ready after s", "share of a core", "receives per 20 s", "RSS MiB"]
    row = [str(idle.ROUTES), f"{ready:.2f}", f"{core:.2%}", f"{receives:.1f}", f"{rss:.0f}"]
    title = f"{idle.ROUTES} routes, {arguments.idle_seconds:g} s without a message"
    return report.header(title, here.made_of) + "\n" + report.table(head, [row])


async def bill(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Count requests to an SQS that is some milliseconds away."""
    await here.delay(ROUND_TRIP_MS)
    ages: dict[tuple[str, float], list[Ages]] = {}
    for rate in arguments.rate or BILL_RATES:
        seconds = max(arguments.seconds, 200 / rate)
        routing = idle.routing(here, ["bench"])
        ages[_OURS.name, rate] = [
            await latency.measure(_OURS, here, folder, rate, seconds, routing)
        ]
        progress(f"{rate:,.0f}/s: {ages[_OURS.name, rate][0].requests_per_1000:,.0f} per 1,000")
    await here.delay(0.0)
    title = f"requests to an SQS with a round trip of {ROUND_TRIP_MS:g} ms, by offered load"
    return report.header(title, here.made_of) + "\n" + report.latency(ages)


async def growth(
    arguments: argparse.Namespace, _chosen: Sequence[Peer], here: Arena, folder: Path
) -> str:
    """Vary one thing at a time: routes, bodies, the service's delay, processes."""
    messages = arguments.messages or 50_000
    loads: list[Load] = []
    resting: list[str] = []
    for part in arguments.part or PARTS:
        async for load in _part(part, here, folder, messages):
            progress(f"{load.what}: {load.rate:,.0f} msg/s, {load.cpu_us_per_message:.0f} us")
            loads.append(load)
        if part == "a":
            resting = [await _resting(here, folder, count) for count in scaling.ROUTES]
    title = f"{messages:,} messages a run, one thing varied at a time"
    note = "2 processes: the second one shares its core with the harness"
    return "\n".join([report.header(title, here.made_of), _table(loads), "", *resting, note])


async def _part(part: str, here: Arena, folder: Path, messages: int) -> AsyncIterator[Load]:
    if part == "a":
        for count in scaling.ROUTES:
            yield await scaling.routes(here, folder, count, ROUTED_TIMES * messages)
    elif part == "c":
        for size in scaling.BODIES:
            yield await scaling.bodies(here, folder, size, messages)
    elif part == "d":
        rate = 0.0
        for ms in scaling.DELAYS_MS:
            load = await scaling.delays(here, folder, ms, messages, rate)
            rate = max(rate, load.rate)
            yield load
    elif part == "e":
        for count in scaling.PROCESSES:
            yield await scaling.processes(here, folder, count, messages)


async def _resting(here: Arena, folder: Path, routes: int) -> str:
    found = await idle.measure(here, folder, idle.WAIT_SECONDS, routes)
    each = found.core / routes
    return (
        f"idle, {routes} routes: {found.core:.2%} of a core ({each:.3%} a route), "
        f"{found.receives:,.0f} receives per 20 s, ready after {found.ready_seconds:.2f} s, "
        f"{found.rss_mib:.0f} MiB"
    )


def _table(loads: Sequence[Load]) -> str:
    head = ["varied", "messages", "msg/s", "CPU us/msg", "MB/s", "RSS MiB", "lost", "doubled"]
    rows = [
        [
            load.what,
            f"{load.messages:,}",
            f"{load.rate:,.0f}",
            f"{load.cpu_us_per_message:.1f}",
            f"{load.mb_per_second:.1f}",
            f"{load.rss_mib:.0f}",
            str(load.lost),
            str(load.doubled),
        ]
        for load in loads
    ]
    return report.table(head, rows)


async def _halves(peers: Sequence[Peer], here: Arena, folder: Path) -> dict[str, list[float]]:
    """Return half of the gateway's rate for all; half of its own for one slower than that."""
    found: dict[str, float] = {}
    for peer in (_OURS, *(peer for peer in peers if peer is not _OURS)):
        run = await throughput.measure(peer, here, folder, round(PROBE * peer.share))
        found[peer.name] = run.rate
        progress(f"{peer.name} moves {run.rate:,.0f} msg/s")
    half = found[_OURS.name] / 2
    return {
        peer.name: [round(half if found[peer.name] > half else found[peer.name] / 2, -1)]
        for peer in peers
    }


def progress(text: str) -> None:
    """Report progress on standard error."""
    print(text, file=sys.stderr, flush=True)


_PASSING_ON: Final = ("gateway", "uncompiled")
_KINDS: Final = {report.SERVICES: throughput.measure, report.QUEUES: queues.measure}
_LATENCY: Final = ("gateway", "mq-bridge", "sqs-consumer")
_VARIED: Final = ("gateway", "uncompiled", "mq-bridge", "sqs-consumer")
