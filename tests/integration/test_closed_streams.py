"""A gateway that is started with standard streams closed, as some supervisors do, works on."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.children import aws_environment, clean_environment, free_port, run_gateway
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

FILE = "routes: [{name: orders, queue: orders, versions: {stable: 'http://127.0.0.1:9/'}}]"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_it_starts_and_stops_with_streams_closed(closed: str, tmp_path: Path) -> None:
    """A socket that took the number of one made libuv abort the process."""
    (tmp_path / "routes.yaml").write_text(FILE)
    port = str(free_port())
    environment = {**clean_environment(), **aws_environment("http://127.0.0.1:9")}
    command = [sys.executable, "-m", "gateway", "routes.yaml", "--admin-port", port]
    with subprocess.Popen(
        ["sh", "-c", f"exec {shlex.join(command)} {closed}"], cwd=tmp_path, env=environment
    ) as process:
        try:
            until(
                lambda: run_gateway("health", "--admin-port", port).returncode == 0,
                "a gateway that listens",
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
