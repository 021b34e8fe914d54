"""The commands of docs/getting-started/local.md do what the page says, and what builds on them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.docs.generate import ROOT
from tests.integration.children import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = (ROOT / "docs/getting-started/local.md").read_text("utf-8")
SENDERS: Final = (ROOT / "docs/how-to/who-sent-it.md").read_text("utf-8")
PORTS: Final = ("4566", "4567", "8101", "8102", "8080")


def blocks(kind: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def test_a_reader_gets_ninety_and_ten(tmp_path: Path) -> None:
    """Steps 2 to 5, on free ports, with the environment of step 1 that the tests run in."""
    _demo, installs, *steps = blocks("sh")
    assert "pip install" in installs
    (file,) = blocks("yaml")
    said = _follow(steps, file, tmp_path)
    assert said.startswith("ok\nready")
    acked = dict(re.findall(r'version="(\w+)"} (\d+)\.0', said))
    assert 75 <= int(acked["stable"]) <= 100
    assert int(acked["stable"]) + int(acked["canary"]) == 100


def test_a_reader_sees_messages_pinned_by_their_sender(tmp_path: Path) -> None:
    """Steps 2 and 3, the block of the other page in place of step 4, and step 5."""
    _demo, _installs, queue, services, _gateway, stop = blocks("sh")
    (senders,) = (block for block in blocks("sh", SENDERS) if "sender_front" in block)
    (file,) = blocks("yaml")
    said = _follow([queue, services, senders, stop], file, tmp_path)
    assert said.startswith("ready")
    assert 'reason="pinned",route="orders",version="canary"} 20.0' in said
    assert "You should see 20 pinned messages." in SENDERS


def _follow(steps: list[str], file: str, folder: Path) -> str:
    """Return what the steps print, on free ports."""
    free = {port: str(free_port()) for port in PORTS}
    script = "\n".join(["set -e", *steps]).replace(".venv/bin", str(Path(sys.executable).parent))
    script = script.replace(".venv/bin/gateway", ".venv/bin/python -m gateway")
    for port, other in free.items():
        script = re.sub(rf"\b{port}\b", other, script)
        file = re.sub(rf"\b{port}\b", other, file)
    (folder / "routes.yaml").write_text(file)
    environment = {**os.environ, "GATEWAY_ADMIN_PORT": free["8080"]}
    return _run(script, folder, environment)


def _run(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Return what a script prints; all that it started is ended with it."""
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        try:
            said, errors = child.communicate(timeout=90)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    assert child.returncode == 0, errors
    return said
