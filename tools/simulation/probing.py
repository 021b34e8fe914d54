"""A broken canary whose rollback is followed by probes, for a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.rollout.state import RolloutPhase
from tools.simulation.run import Run

if TYPE_CHECKING:
    from tools.simulation.outcome import Outcome

DAY: Final = 86_400.0


class ProbedRun(Run):
    """A route with a rollback alone: the clock jumps over its cooldowns."""

    def until_end(self, max_messages: int) -> Outcome:
        """Run for a day, or until so many messages have begun."""
        now = 0.0
        while now < DAY and self._begun < max_messages:
            if self.state.phase is RolloutPhase.ABORTED and self.state.probe_at is not None:
                now = self.state.probe_at
                self._look(now, always=True)
            now = self._step(now)
        return self._outcome(now)
