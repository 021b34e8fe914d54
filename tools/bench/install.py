"""Peers of other projects: fetched at first use into `.bench/`, each in a pinned version."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).parents[2] / ".bench"
MQ_BRIDGE: Final = "mq-bridge==1.2.0"
NODE_PARTS: Final = (
    "sqs-consumer@14.2.8",  # the last that runs on Node 20
    "undici@7.30.2",
    "@aws-sdk/client-sqs@3.1169.0",
)
OTHERS: Final = Path(__file__).parent / "others"
_SECONDS: Final = 600


def missing(name: str) -> str:
    """Install a peer; return why that is impossible, or ""."""
    install = {"mq-bridge": _mq_bridge, "sqs-consumer": _sqs_consumer}.get(name)
    if install is None:
        return ""
    try:
        return install(CACHE / name)
    except subprocess.TimeoutExpired:
        return f"not installed within {_SECONDS} s"


def _mq_bridge(folder: Path) -> str:
    if (folder / "mq_bridge").exists():
        return ""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return _run([*pip, "--no-deps", "--only-binary=:all:", "--target", str(folder), MQ_BRIDGE])


def _sqs_consumer(folder: Path) -> str:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return "there is no node and npm"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(OTHERS / "sqs_consumer.mjs", folder)  # modules are resolved beside the file
    if (folder / "node_modules" / "sqs-consumer").exists():
        return ""
    (folder / "package.json").write_text('{"private": true}\n')
    return _run([npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *NODE_PARTS])


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=CACHE.parent
    )
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1:][0][:200]
