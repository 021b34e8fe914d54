"""The demo as a child process, and what it leaves behind."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

import httpx

from tests.integration.children import Child
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATIENCE_SECONDS: Final = 240.0
HOSTILE: Final = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "AWS_PROFILE": "nobody",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "nowhere-1",
    "GATEWAY_CONFIG": "/nowhere.yaml",
    "GATEWAY_ADMIN_PORT": "9",
    "SERVICES": "s3",
}
"""What somebody may have set for other purposes; none of it is the demo's business."""

IN_TIME: Final = {"rollback", "evidence", "moved", "abort"}
"""The checks that hold seconds to a limit: a machine under a whole suite may take longer."""


def failed_checks(printed: str) -> set[str]:
    """Return the names of the checks that failed."""
    return set(re.findall(r"^  FAIL  (\w+)", printed, re.MULTILINE))


def places_of(printed: str) -> list[str]:
    """Return the addresses that a scenario names."""
    return re.findall(r"^  \w.* (http://[\d.:]+)/", printed, re.MULTILINE)


def paths_of(printed: str) -> list[tuple[str, ...]]:
    """Return the table of paths: path, split, weight in per cent, pinned, in all."""
    row = r"^  (A-\S+) +(\d+) +[\d.]+% +(\d+)% +(\d+) +(\d+)"
    return re.findall(row, printed, re.MULTILINE)


class Demo(Child):
    """The demo; its logs go below `folder`."""

    def __init__(
        self, folder: Path, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        settings = {"TMPDIR": str(folder), **(environment or {})}
        super().__init__(["-m", "gateway", "demo", *options], folder, settings)

    def wait_for(self, text: str) -> str:
        """Wait until it has printed `text`; return all that it has printed."""
        until(lambda: text in self.printed() or not self.running, text, PATIENCE_SECONDS)
        assert text in self.printed(), self.tail()
        return self.printed()

    def ended(self) -> int:
        """Wait for its end and return the exit status."""
        until(lambda: not self.running, f"the end of {self.name}", PATIENCE_SECONDS)
        return self.exit_status()


def listens(url: str) -> bool:
    """Whether somebody accepts connections there."""
    address = httpx.URL(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port)) == 0


def kept_folders(folder: Path) -> list[Path]:
    """Return the folders of logs that demos have left behind."""
    return list(folder.glob("gateway-demo-*"))
