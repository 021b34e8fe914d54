"""Replicas of one gateway: the same routing file, a process each."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from tests.integration.gateway_process import GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Fleet:
    """Use as a context manager: whatever still runs at its end is killed."""

    def __init__(self, folder: Path, endpoint: str, route: Mapping[str, Any]) -> None:
        self._folder, self._endpoint, self._route = folder, endpoint, route
        self._processes = ExitStack()
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def launch(self) -> GatewayProcess:
        """Start one more and return it at once, ready or not."""
        self._started += 1
        folder = self._folder / f"replica-{self._started}"
        folder.mkdir()
        replica = GatewayProcess(folder, {"routes": [self._route]}, self._endpoint, waits=False)
        return self._processes.enter_context(replica)

    def start(self, count: int) -> list[GatewayProcess]:
        """Start so many at the same time and return them once all are ready."""
        replicas = [self.launch() for _ in range(count)]
        for replica in replicas:
            replica.wait_until_ready()
        return replicas
