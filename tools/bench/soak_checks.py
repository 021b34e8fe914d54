"""What a soak is checked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tools.bench.soak import Look

WARM_UP_SHARE: Final = 0.1
GROWTH_LIMIT: Final = 0.05
FILES_SLACK: Final = 10
"""The number of calls to SQS varies; a file leaked every 50,000 messages exceeds this."""

MOST_CONNECTIONS: Final = 300
"""One for each delivery that may run at once, kept open: 200 to stable, 100 to canary."""

HEAD: Final = (
    f"{'seconds':>8} {'deleted':>10} {'msg/s':>7} {'RSS MiB':>8} {'conns':>6} {'files':>6} "
    f"{'threads':>7} {'tasks':>6} {'blocks':>9} {'lost':>5} {'doubled':>7} {'receives':>8}"
)


@dataclass(frozen=True, slots=True)
class SoakResult:
    """The result of a soak, of the looks that there are."""

    messages: int
    looks: Sequence[Look]

    @property
    def whole(self) -> bool:
        """Whether the run came to its end."""
        return len(self.looks) > 1 and self.last.resting

    @property
    def last(self) -> Look:
        """The latest look."""
        return self.looks[-1]

    @property
    def lost(self) -> int:
        """How many were never delivered; of an interrupted run only those that are deleted."""
        wanted = self.messages if self.whole else self.last.deleted
        return max(0, wanted - self.last.delivered)

    @property
    def left(self) -> int:
        """How many are delivered, but not deleted; an interrupted run always has some."""
        return self.last.delivered - self.last.deleted if self.whole else 0

    @property
    def warm(self) -> list[Look]:
        """The looks under load after the first tenth of the messages."""
        enough = self.messages * WARM_UP_SHARE
        return [look for look in self.looks if not look.resting and look.deleted >= enough]

    @property
    def growth(self) -> float:
        """By what share the memory grew after the warm-up, at its highest."""
        rss = [look.rss_mib for look in self.warm]
        return max(rss) / rss[0] - 1 if rss else 0.0

    @property
    def files(self) -> tuple[int, int]:
        """The most files open, besides connections to services, in the first and second half."""
        half = (len(self.warm) + 1) // 2
        return _most(self.warm[:half]), _most(self.warm[half:])

    @property
    def connections(self) -> int:
        """The most connections to the services that were open."""
        return max((look.connections for look in self.looks), default=0)

    @property
    def left_tasks(self) -> dict[str, int]:
        """Tasks that run after the load and did not before it, by kind."""
        if not self.whole:
            return {}
        before, after = self.looks[0].tasks, self.last.tasks
        return {
            kind: n - before.get(kind, 0) for kind, n in after.items() if n > before.get(kind, 0)
        }

    @property
    def faults(self) -> list[str]:
        """Return what is wrong."""
        early, late = self.files
        found = {
            f"lost {self.lost}": self.lost > 0,
            f"doubled {self.last.doubled}": self.last.doubled > 0,
            f"{self.left} not deleted": self.left > 0,
            f"memory grew by {self.growth:.1%}": self.growth >= GROWTH_LIMIT,
            f"open files grew from {early} to {late}": late > early + FILES_SLACK,
            f"{self.connections} connections": self.connections > MOST_CONNECTIONS,
            f"tasks left over: {self.left_tasks}": bool(self.left_tasks),
        }
        return [what for what, holds in found.items() if holds]


def line(look: Look) -> str:
    """Return a look as a line under HEAD; a lost one is deleted, but was never delivered."""
    rate = look.deleted / look.seconds if look.seconds else 0.0
    tasks = sum(look.tasks.values())
    return (
        f"{look.seconds:8.1f} {look.deleted:10,} {rate:7,.0f} {look.rss_mib:8.1f} "
        f"{look.connections:6} {look.other_files:6} {look.threads:7} {tasks:6} {look.blocks:9,} "
        f"{max(0, look.deleted - look.delivered):5} {look.doubled:7} {look.worst_receive_count:8}"
    )


def text(result: SoakResult) -> str:
    """Return the result as text."""
    if not result.looks:
        return "no look was taken"
    last, (early, late), warm = result.last, result.files, result.warm
    moved = f"{last.sent:,} sent, {last.delivered:,} delivered, {last.deleted:,} deleted"
    wrong = f"lost {result.lost}, doubled {last.doubled}"
    lines = [
        "" if result.whole else "broken off: figures until then",
        f"messages: {moved}, {wrong}, worst receive count {last.worst_receive_count}",
    ]
    if warm:
        lines.append(
            f"memory: {warm[0].rss_mib:.1f} MiB after the first tenth,"
            f" {warm[-1].rss_mib:.1f} at the end, {result.growth:+.1%} at its highest"
        )
    fine = "fine" if result.whole else "fine so far"
    lines += [
        f"connections to services: at most {result.connections}",
        f"other open files: at most {early} in the first half, {late} in the second",
        f"tasks at rest before: {_listed(result.looks[0].tasks)}",
        f"tasks at {'rest after' if result.whole else 'that moment'}: {_listed(last.tasks)}",
        f"result: {', '.join(result.faults) or fine}",
    ]
    return "\n".join(lines)


def _most(looks: Iterable[Look]) -> int:
    return max((look.other_files for look in looks), default=0)


def _listed(tasks: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(tasks.items()))
