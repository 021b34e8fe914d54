"""The figures as text: medians with their spread, and the gateway's rate as a multiple."""

from __future__ import annotations

import os
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from tools.bench import machine
from tools.bench.peers import PEERS, PLAIN, VARIANTS
from tools.bench.throughput import expected_canary_share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tools.bench.latency import Ages
    from tools.bench.throughput import Run

T = TypeVar("T")

OURS = "gateway"
SERVICES = "services"
QUEUES = "queues"
BUSY = 0.95
"""From this share of its core on, the harness limits the peer."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with numbers aligned right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        return "  ".join([cells[0].ljust(len(first)), *rest])

    return "\n".join([line(head), "  ".join("-" * width for width in widths), *map(line, rows)])


def load() -> str:
    """Say how busy the machine is with other work too."""
    minutes = os.getloadavg()[2]
    return f"load average of the last 15 minutes: {minutes:.0f}, on {os.cpu_count()} cores"


def throughput(runs: Mapping[str, Sequence[Run]]) -> str:
    """Return the rate and cost of each peer."""
    ours = runs.get(OURS, ())
    head = ["peer", "msg/s", "spread", "gateway / it", "spread", "CPU us/msg", "SQS req/1,000"]
    head += ["RSS MiB start/half/end", "lost", "doubled", "canary", "harness us/msg", "busy"]
    rows = [[name, *_cells(found, ours)] for name, found in runs.items() if found]
    return "\n".join([table(head, rows), "", *_notes(runs)])


def variants(runs: Mapping[tuple[str, str], Sequence[Run]]) -> str:
    """Return the rate and cost of each peer on each variant, beside its plain ones."""
    head = ["peer", "variant", "msg/s", "spread", "of plain", "CPU us/msg", "of plain"]
    head += ["SQS req/1,000", "lost", "doubled", "busy"]
    rows = []
    for (peer, variant), found in runs.items():
        plain, rates = runs[peer, PLAIN.name], [run.rate for run in found]
        costs = [
            run.cpu_us_per_message / base.cpu_us_per_message
            for run, base in zip(found, plain, strict=False)
        ]
        rows.append(
            [
                peer,
                variant,
                f"{median(rates):,.0f}",
                f"{min(rates):,.0f}-{max(rates):,.0f}",
                f"{median(ratios(found, plain)):.2f}",
                _median(found, lambda run: run.cpu_us_per_message, ".0f"),
                f"{median(costs):.2f}",
                _median(found, lambda run: run.requests_per_1000, ",.0f"),
                str(sum(run.lost for run in found)),
                str(sum(run.doubled for run in found)),
                _median(found, lambda run: run.harness_busy, ".0%"),
            ]
        )
    notes = [f"{each.name}: {each.what}" for each in VARIANTS]
    notes.append("of plain: taken in each repetition, then the median")
    notes.append("busy: how busy SQS and services kept their core")
    return "\n".join([table(head, rows), "", *notes])


def queues(runs: Mapping[tuple[str, str], Sequence[Run]]) -> str:
    """Return the rate and cost to queues, beside those to services."""
    head = ["peer", "to", "msg/s", "spread", "of services", "CPU us/msg", "SQS req/1,000"]
    head += ["lost", "doubled", "canary", "harness us/msg", "busy"]
    rows = [
        [
            peer,
            kind,
            _median(found, lambda run: run.rate, ",.0f"),
            f"{min(run.rate for run in found):,.0f}-{max(run.rate for run in found):,.0f}",
            f"{median(ratios(found, runs[peer, SERVICES])):.2f}",
            _median(found, lambda run: run.cpu_us_per_message, ".0f"),
            _median(found, lambda run: run.requests_per_1000, ",.0f"),
            str(sum(run.lost for run in found)),
            str(sum(run.doubled for run in found)),
            _median(found, lambda run: run.canary_share or 0.0, ".1%"),
            _median(found, lambda run: run.harness_us_per_message, ".0f"),
            _median(found, lambda run: run.harness_busy, ".0%"),
        ]
        for (peer, kind), found in runs.items()
    ]
    notes = [
        "to queues: lost and doubled are by how many both queues have less, or more",
        "of services: taken in each repetition, then the median",
        "busy: how busy SQS and services kept their core; SQS has every message twice to queues",
    ]
    return "\n".join([table(head, rows), "", *notes])


def ratios(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """Return our rate by theirs for each repetition: its runs have the same noise."""
    return [a.rate / b.rate for a, b in zip(ours, theirs, strict=False) if b.rate]


def latency(ages: Mapping[tuple[str, float], Sequence[Ages]]) -> str:
    """Return how long messages waited, by peer and offered load."""
    head = ["peer", "offered/s", "p50 ms", "p99 ms", "max ms", "CPU us/msg", "SQS req/1,000"]
    head += ["missing", "doubled", "harness busy"]
    rows = [
        [
            name,
            f"{rate:,.0f}",
            _median(found, lambda age: age.p50_ms, ".2f"),
            _median(found, lambda age: age.p99_ms, ".2f"),
            _median(found, lambda age: age.max_ms, ".1f"),
            _median(found, lambda age: age.cpu_us_per_message, ".0f"),
            _median(found, lambda age: age.requests_per_1000, ",.0f"),
            str(sum(age.offered - age.arrived for age in found)),
            str(sum(age.doubled for age in found)),
            _median(found, lambda age: age.harness_busy, ".0%"),
        ]
        for (name, rate), found in ages.items()
    ]
    return table(head, rows)


def memory(runs: Mapping[str, Run]) -> str:
    """Return the memory along the way, and its growth after the first fifth."""
    lines = []
    for name, run in runs.items():
        after = run.rss[len(run.rss) // 5 :]
        samples = " ".join(f"{rss:.1f}" for rss in run.rss)
        lines += [
            f"{name}, MiB at every tenth: {samples}",
            f"{name}, MiB from the first fifth to the end: {after[-1] - after[0]:+.1f}",
            f"{name}, messages at {run.rate:,.0f}/s: {run.messages:,} deleted, {run.lost} lost",
        ]
    return "\n".join(lines)


def header(title: str, *more: str) -> str:
    """Return what is measured, and on what."""
    lines = [*machine.describe(), *more]
    return "\n".join([title, *(f"  {line}" for line in lines), ""])


def _cells(runs: Sequence[Run], ours: Sequence[Run]) -> list[str]:
    rate = median(run.rate for run in runs)
    rates = [run.rate for run in runs]
    ratio = ratios(ours, runs)
    shares = [run.canary_share for run in runs if run.canary_share is not None]
    rss = "/".join(f"{median(column):.0f}" for column in zip(*(r.rss for r in runs), strict=True))
    return [
        f"{rate:,.0f}",
        f"{min(rates):,.0f}-{max(rates):,.0f}",
        f"{median(ratio):.2f}" if ratio else "-",
        f"{min(ratio):.2f}-{max(ratio):.2f}" if ratio else "-",
        _median(runs, lambda run: run.cpu_us_per_message, ".0f"),
        _median(runs, lambda run: run.requests_per_1000, ",.0f"),
        rss,
        str(sum(run.lost for run in runs)),
        str(sum(run.doubled for run in runs)),
        f"{median(shares):.1%}" if shares else "-",
        _median(runs, lambda run: run.harness_us_per_message, ".0f"),
        _median(runs, lambda run: run.harness_busy, ".0%"),
    ]


def _notes(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    notes = [f"{peer.name}: {peer.what}" for peer in PEERS if runs.get(peer.name)]
    notes.append(f"canary: {expected_canary_share():.1%} expected of the gateway (5 % are pinned,")
    notes.append("  10 % of the rest); of the others the 5 %, since they know no weights")
    notes.append("gateway / it: taken in each repetition, then the median")
    notes.append("harness: CPU of emulator and services, and how busy that kept their core")
    if runs.get("ceiling"):
        us = median(run.harness_us_per_message for run in runs["ceiling"])
        notes.append(f"at {us:.0f} us a message the harness alone could take {1e6 / us:,.0f} msg/s")
    for name, found in runs.items():
        if found and median(run.harness_busy for run in found) > BUSY:
            notes.append(f"{name} was limited by the harness: its own limit is higher")
    return notes


def _median(found: Sequence[T], of: Callable[[T], float], shape: str) -> str:
    return format(median(of(item) for item in found), shape)
