"""Built from this tree, the compiled gateway passes the tests of what was compiled."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiled.witness import MODULES
from tools.bench.compiled import QUICK, NotCompiledError, gateway

ROOT = Path(__file__).parents[2]
SUITES = (
    "tests/unit/core",
    "--ignore=tests/unit/core/routing/mesh",  # no module of it is compiled
    "--ignore=tests/unit/core/rollout/test_controller.py",  # nor that
    # These simulate minutes. By coverage, the others reach every line that they reach.
    "--ignore=tests/unit/core/delivery/test_concurrency.py",
    "--ignore=tests/unit/runtime/test_linger.py",
    "--ignore=tests/unit/runtime/test_poller.py",
    "tests/unit/runtime",
    "--ignore=tests/unit/runtime/following",
    "--ignore=tests/unit/runtime/rollouts/test_driver.py",
    "--ignore=tests/unit/runtime/rollouts/test_two_replicas.py",
    "--ignore=tests/unit/runtime/test_auto_limits.py",
    "--ignore=tests/unit/runtime/test_simulation.py",
    "tests/unit/adapters/kafka/test_kafka_partitions.py",
    "tests/unit/adapters/sqs",
    "--ignore=tests/unit/adapters/sqs/test_environment.py",
    "tests/contract/test_target_contract.py",
    "tests/property/test_partition_window_machine.py",
    "tests/lessons",
)
pytestmark = pytest.mark.timeout(600)  # the compiler takes most of it


def hot_path() -> list[str]:
    """Return the names of the modules that setup.py compiles."""
    (table,) = (
        each.value
        for each in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == "HOT_PATH"
    )
    assert table is not None
    parts: dict[str, tuple[str, ...]] = ast.literal_eval(table)
    return [
        f"gateway/{folder}/{name}".replace("/", ".")
        for folder, names in parts.items()
        for name in names
    ]


def run(folder: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    """Run the suites on the gateway in a folder, if those modules are compiled there."""
    command = [
        sys.executable, "-P", "-m", "pytest", "--quiet", "--import-mode=append",
        "-p", "no:cacheprovider",
        "-p", "tests.compiled.witness", "-o", f"pythonpath={folder} .", *SUITES,
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
        MODULES: json.dumps(modules),
    }
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def built() -> Path:
    try:
        return gateway(ROOT, ROOT / ".bench", QUICK)
    except NotCompiledError as error:
        pytest.skip(str(error))


def test_the_compiled_gateway_passes_the_tests_of_its_parts(built: Path) -> None:
    done = run(built, *hot_path())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_witness_finds_a_gateway_that_is_not_compiled(tmp_path: Path) -> None:
    done = run(tmp_path, "gateway.runtime.delivery")
    assert done.returncode != 0
    assert "gateway.runtime.delivery is not compiled" in done.stdout + done.stderr
