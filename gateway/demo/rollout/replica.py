"""One gateway of two: its process, its admin port, its log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from gateway.demo.processes import DemoError
from gateway.demo.rollout.trial import Trial, read_trial

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.demo.processes import ChildProcess

ROUTE: Final = "orders"
_ROLLBACKS: Final = re.compile(r"^gateway_rollbacks_total\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass(slots=True)
class Replica:
    """A gateway at `url`; `logs` are those of the processes that it has been.

    `counted` are the rollbacks that the earlier ones counted in their metrics.
    """

    name: str
    url: str
    process: ChildProcess
    session: aiohttp.ClientSession
    logs: list[Path] = field(default_factory=list)
    counted: float = 0.0

    async def trial(self) -> Trial | None:
        """Return what it shows of the rollout; None while it does not respond."""
        try:
            async with self.session.get(f"{self.url}/api/routes/{ROUTE}/rollout") as response:
                if response.status != HTTPStatus.OK:
                    return None
                return read_trial(await response.json())
        except aiohttp.ClientError:
            return None

    async def command(self, verb: str, reason: str) -> None:
        """Change the rollout by its API; raises DemoError."""
        url = f"{self.url}/api/routes/{ROUTE}/rollout/{verb}"
        said = {"by": "the demo", "reason": reason}
        async with self.session.post(url, json=said) as response:
            if response.status != HTTPStatus.OK:
                raise DemoError(f"{url} responded with {response.status}: {await response.text()}")

    async def rollbacks(self) -> float:
        """Return how many rollbacks its metrics have counted, in all its processes."""
        async with self.session.get(f"{self.url}/metrics") as response:
            return self.counted + sum(map(float, _ROLLBACKS.findall(await response.text())))

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of its log that say this."""
        return [
            line
            for log in self.logs
            for text in log.read_text("utf-8", "replace").splitlines()
            if text.startswith("{") and (line := json.loads(text)).get("event") == event
        ]
