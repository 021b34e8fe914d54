"""What is loaded when: the core stands alone, commands stay light, extras stay optional."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "gateway" / "core").rglob("*.py")
)
OUTSIDE_WORLD = {
    "aiobotocore", "aiohttp", "boto3", "botocore", "httptools", "prometheus_client", "structlog",
    "uvloop",
}  # fmt: skip
EXTRAS = {"httpx", "hypothesis", "ministack", "moto", "pytest", "rich", "trustme"}
ROUTES = """
routes:
  - name: orders
    queue: orders
    versions: {stable: http://b.test/, canary: http://b1.test/}
    split: {stable: 90, canary: 10}
"""
LOADED = "\nimport json as j, sys as s; print(j.dumps(sorted(s.modules)), file=s.stderr)"


def loaded_by(script: str, *arguments: str) -> set[str]:
    """Run a script in a fresh interpreter and return the modules that it left loaded."""
    outcome = subprocess.run(
        [sys.executable, "-c", script + LOADED, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return set(json.loads(outcome.stderr.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_the_core_loads_nothing_of_the_gateway_but_itself() -> None:
    modules = loaded_by("import " + ", ".join(CORE))
    ours = {module for module in modules if module.startswith("gateway.")}
    assert ours == set(CORE)


def test_the_core_loads_no_event_loop_no_network_and_no_log() -> None:
    modules = loaded_by("import " + ", ".join(CORE))
    assert not packages(modules) & {"asyncio", "logging", "socket", "ssl", *OUTSIDE_WORLD, *EXTRAS}


RUN = """
import sys
from gateway.cli.main import main
status = main(sys.argv[1:])
assert status == 0, status
"""


@pytest.mark.parametrize("command", ["check", "explain", "schema"])
def test_a_command_without_a_network_loads_no_network_library(command: str, tmp_path: Path) -> None:
    """Such a command runs in every pipeline; the SDK alone would take longer than its work."""
    routes, messages = tmp_path / "routes.yaml", tmp_path / "messages.jsonl"
    routes.write_text(ROUTES)
    messages.write_text('{"MessageId": "m-1", "Body": "{}"}')
    flags = {
        "check": ["--config", str(routes)],
        "explain": ["--config", str(routes), "--route", "orders", "--messages", str(messages)],
        "schema": [],
    }
    modules = loaded_by(RUN, command, *flags[command])
    assert not packages(modules) & (OUTSIDE_WORLD | EXTRAS)
    assert not {"gateway.app", "gateway.demo", "gateway.runtime", "gateway.adapters"} & modules


WITHOUT_EXTRAS = """
import importlib, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split():
            raise ImportError(f"{name} is an extra")

sys.meta_path.insert(0, Refuse())
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


def test_the_gateway_runs_without_its_extras() -> None:
    """The package without extras brings neither the demo's nor the tests' libraries."""
    files = (path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("gateway/**/[!_]*.py"))
    everything = sorted(".".join(file.parts) for file in files if "demo" not in file.parts)
    modules = loaded_by(WITHOUT_EXTRAS, " ".join(EXTRAS), *everything)
    assert {
        "gateway.app",
        "gateway.adapters.sqs.sdk_source",
        "gateway.runtime.running_route",
    } <= modules
    assert "gateway.demo" not in modules
