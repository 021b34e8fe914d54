"""How long replicas waited for a core: on a machine that is too busy any consumer loses leases.

Only Linux has the figure; elsewhere a lease that is lost for this reason counts as unexplained.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.chaos.replica import Replica

EVERY_SECONDS: Final = 0.25
_NANO: Final = 1e-9

Wait = tuple[float, float]
"""When it was read, and how many seconds a replica had waited since the reading before."""


class Gauge:
    """Reads all replicas; `waits` leaves out readings below a tenth of the interval."""

    def __init__(self, replicas: Sequence[Replica], clock: Callable[[], float]) -> None:
        self._replicas, self._clock = replicas, clock
        self._before: dict[int, float] = {}
        self.waits: list[Wait] = []

    async def run(self) -> None:
        """Read for ever."""
        while True:
            for replica in self._replicas:
                self._read(replica.pid)
            await asyncio.sleep(EVERY_SECONDS)

    def _read(self, pid: int | None) -> None:
        waited = None if pid is None else waited_seconds(pid)
        if pid is None or waited is None:
            return
        since = waited - self._before.get(pid, waited)
        self._before[pid] = waited
        if since > EVERY_SECONDS / 10:
            self.waits.append((self._clock(), since))


def waited_seconds(pid: int) -> float | None:
    """Return how long a process has been ready to run without a core; None where it is unknown.

    Source: https://docs.kernel.org/scheduler/sched-stats.html
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) * _NANO
    except (OSError, IndexError, ValueError):
        return None
