"""What the state machines of queues and of topics have in common."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule


class WorldMachine(RuleBasedStateMachine):
    """Time passes, services take their time, and in the end the world comes to rest."""

    world: Any

    @rule(seconds=st.sampled_from([1, 3, 7, 20]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from([0.05, 0.3, 4, 9]))
    def services_take(self, seconds: float) -> None:
        self.world.pace_seconds = seconds

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert not self.world.wrongs

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if not self.world.wrongs:
                self.world.come_to_rest()
                self.nothing_went_wrong()
                self.check_end()
        finally:
            self.world.close()

    def check_end(self) -> None:
        """Assert what holds of every world at its end."""
        raise NotImplementedError
