"""The direction of dependencies, as import-linter's contracts in pyproject.toml have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
LAYERS = "cli > app > reloader > (adapters | runtime | config | demo) > ports > core"
ADAPTERS = "adapters are independent of each other, with http1 below them"
LIBRARIES = "only adapters and the demo touch the outside world's libraries"


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", "pyproject.toml"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the package, to plant something in."""
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gateway", tmp_path / "gateway", ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold() -> None:
    outcome = lint(ROOT)
    assert outcome.returncode == 0, outcome.stdout
    assert f"{LAYERS} KEPT" in outcome.stdout
    assert f"{ADAPTERS} KEPT" in outcome.stdout
    assert f"{LIBRARIES} KEPT" in outcome.stdout


def test_the_contracts_hold_in_a_copy_too(project: Path) -> None:
    """So that what breaks them below is what was planted."""
    assert lint(project).returncode == 0


@pytest.mark.parametrize(
    ("module", "planted", "broken"),
    [
        ("core/routing/split.py", "import gateway.ports", LAYERS),
        ("core/routing/split.py", "from gateway.config.schema import durations", LAYERS),
        ("ports.py", "import gateway.runtime.permits", LAYERS),
        ("runtime/permits.py", "import gateway.adapters.sqs.sdk_source", LAYERS),
        ("adapters/sqs/sdk_source.py", "import gateway.runtime.permits", LAYERS),
        ("config/schema/durations.py", "import gateway.app", LAYERS),
        ("runtime/permits.py", "import gateway.reloader", LAYERS),
        ("config/file.py", "import gateway.runtime.permits", LAYERS),
        ("reloader.py", "import gateway.app", LAYERS),
        ("app.py", "import gateway.cli.main", LAYERS),
        ("aiokit/write_batch.py", "import gateway.ports", LAYERS),
        ("ports.py", "import gateway.aiokit.write_batch", LAYERS),
        ("adapters/admin/server.py", "import gateway.adapters.telemetry.metrics", ADAPTERS),
        ("adapters/telemetry/logs.py", "import gateway.adapters.admin.policy", ADAPTERS),
        ("adapters/sqs/clients.py", "import gateway.adapters.http.tls", ADAPTERS),
        ("adapters/http/tls.py", "import gateway.adapters.sqs.errors", ADAPTERS),
        ("adapters/http1/pool.py", "import gateway.adapters.http.request", ADAPTERS),
        ("adapters/kubernetes/client.py", "import gateway.adapters.sqs.errors", ADAPTERS),
        ("adapters/rabbit/source.py", "import gateway", ADAPTERS),
        ("adapters/kafka/source.py", "import gateway.adapters.sqs.errors", ADAPTERS),
        ("runtime/poller.py", "import confluent_kafka", LIBRARIES),
        ("runtime/permits.py", "import aiobotocore", LIBRARIES),
        ("reloader.py", "import structlog", LIBRARIES),
        ("config/schema/durations.py", "import httpx", LIBRARIES),
    ],
)
def test_a_planted_import_breaks_the_contract(
    project: Path, module: str, planted: str, broken: str
) -> None:
    """Also where it hides in a function."""
    room = (project / "gateway" / module).parent
    room.mkdir(exist_ok=True)
    (room / "__init__.py").touch()
    with (project / "gateway" / module).open("a") as source:
        source.write(f"\n\ndef _planted() -> None:\n    {planted}\n")
    outcome = lint(project)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert f"{broken} BROKEN" in outcome.stdout
