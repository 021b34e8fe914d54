"""How long replicas waited for a core: a machine that is too busy loses leases for anybody.

Linux tells it; elsewhere there is nothing to be read, and a lease that is lost so has no cause.
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
    """Reads all replicas; `waits` leaves out readings without any wait worth the name."""

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
    """Return how long a process has been ready to run without a core; None where nobody knows.

    Source: https://docs.kernel.org/scheduler/sched-stats.html
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) * _NANO
    except (OSError, IndexError, ValueError):
        return None
