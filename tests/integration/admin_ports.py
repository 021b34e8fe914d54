"""The admin port that a gateway has, with rollouts in memory, for commands to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.rollout.state import RolloutPhase
from tests.builders import route
from tests.fakes.rollouts import ROLLBACK, FakeRollouts, rollout_view, unjudged_view
from tests.integration.children import run_gateway
from tests.unit.adapters.admin.admin_port import admin_server
from tests.unit.adapters.fakes import FakeControl, view

if TYPE_CHECKING:
    import subprocess

    from tests.integration.loop_thread import LoopThread

TOKEN: Final = "open-sesame"


class Port:
    """A served admin port of the routes `orders`, `back` and `plain`."""

    def __init__(self, thread: LoopThread) -> None:
        back = rollout_view("back", plan=ROLLBACK, phase=RolloutPhase.IDLE, step=0)
        self.rollouts = FakeRollouts(rollout_view(), back, unjudged_view("plain"))
        names = ("orders", "back", "plain")
        control = FakeControl([view(route({"stable": 95, "canary": 5}, name=n)) for n in names])
        self._thread = thread
        self._server = admin_server(control, token=TOKEN, rollouts=self.rollouts)
        thread.run(self._server.start())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.port}"

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command by the settings that the gateway would have."""
        own = {"GATEWAY_ADMIN_PORT": str(self._server.port), "GATEWAY_ADMIN_TOKEN": TOKEN}
        return run_gateway(*words, **{**own, **more})

    def close(self) -> None:
        """Serve no more."""
        self._thread.run(self._server.stop())
