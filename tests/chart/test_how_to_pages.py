"""What the how-to pages show of the chart and of `gateway iam` is what happens."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from tests.chart import tools
from tests.chart.rendering import API_VERSIONS, GATEWAY_CHART, ROOT, refusal, render
from tests.integration.children import run_gateway

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOW_TO: Final = ROOT / "docs" / "how-to"
PAGES: Final = (
    "canary-a-kafka-consumer",
    "gate-argo-rollouts",
    "gate-flagger",
    "iam",
    "install-with-helm",
    "scale-with-keda",
    "upgrade-the-chart",
)
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ROUTES: Final = [
    {"name": name, "queue": name, "versions": {"stable": "http://b.shop/"}}
    for name in ("orders", "bills", "audit")
]


def blocks(page: str, kind: str) -> list[str]:
    """Return the blocks of a page that are of a kind: yaml, sh, json or text."""
    text = (HOW_TO / f"{page}.md").read_text()
    return [block for found, block in BLOCK.findall(text) if found == kind]


VALUES: Final = [
    pytest.param(block, id=f"{page}-{at}")
    for page in PAGES
    for at, block in enumerate(blocks(page, "yaml"))
    if block.startswith("# values.yaml\n")
]


@pytest.mark.parametrize("block", VALUES)
def test_values_that_are_shown_are_taken(block: str, tmp_path: Path) -> None:
    shown, base = tmp_path / "values.yaml", tmp_path / "base.yaml"
    shown.write_text(block)
    base.write_text(json.dumps({"routes": ROUTES, "aws": {"region": "eu-west-1"}}))
    assert render(GATEWAY_CHART, base, shown)


def test_the_pages_have_values() -> None:
    assert len(VALUES) >= 8


@pytest.fixture
def install(tmp_path: Path) -> Path:
    """The folder of a reader who has written both files of the page."""
    routes, values, *_ = blocks("install-with-helm", "yaml")
    (tmp_path / "routes.yaml").write_text(routes)
    (tmp_path / "values.yaml").write_text(values)
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    return tmp_path


def _commands(page: str, *starts: str) -> list[str]:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(starts)]


def test_the_helm_commands_of_the_page_work(install: Path) -> None:
    """Rendered, not installed: `upgrade --install` becomes `template`, with the same arguments."""
    commands = _commands("install-with-helm", "helm upgrade", "helm template")
    assert len(commands) == 3
    only_upgrade = {"--install", "--create-namespace"}
    for command in commands:
        words, _, file = command.partition(" > ")
        _, _, *arguments = (word for word in shlex.split(words) if word not in only_upgrade)
        versions = [word for each in API_VERSIONS for word in ("--api-versions", each)]
        done = subprocess.run(
            [tools.helm(), "template", *arguments, *versions],
            cwd=install,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if file:
            (install / file).write_text(done.stdout)
    for command in _commands("install-with-helm", "python -c", "python -m gateway"):
        line = command.replace("python ", f"{sys.executable} ", 1)
        done = subprocess.run(
            line, shell=True, cwd=install, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    rendered = yaml.safe_load((install / "rendered-routes.yaml").read_text())
    assert rendered == yaml.safe_load((install / "routes.yaml").read_text())


@pytest.mark.parametrize("helm", [tools.helm, tools.helm_3], ids=["helm4", "helm3"])
def test_the_flags_of_the_upgrade_page_are_helm_s(helm: Callable[[], Path]) -> None:
    known = subprocess.run(
        [helm(), "upgrade", "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = _commands("upgrade-the-chart", "helm upgrade")
    page = (HOW_TO / "upgrade-the-chart.md").read_text()
    flags = set(re.findall(r"--[a-z-]+", " ".join(commands)))
    flags |= set(re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE))
    assert "--reset-then-reuse-values" in flags
    assert [flag for flag in flags if flag not in known] == []


def test_the_error_on_the_page_is_helm_s(tmp_path: Path) -> None:
    versions = {"stable": "http://b.shop/", "canary": "http://b1.shop/"}
    one = {"name": "orders", "queue": "a", "versions": versions}
    wrong = {**one, "split": {"stable": 90, "cannary": 10}}
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps({"routes": [wrong, {**one, "queue": "b"}]}))
    assert blocks("install-with-helm", "text")[0].strip() in refusal(GATEWAY_CHART, path)


def test_the_policy_that_is_shown_is_what_the_command_prints(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(blocks("iam", "yaml")[0])
    first, *_ = _commands("iam", "python -m gateway iam")
    words = shlex.split(first)[3:]
    words[words.index("routes.yaml")] = str(tmp_path / "routes.yaml")
    result = run_gateway(*words)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == blocks("iam", "json")[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_json_that_is_shown_is_json(page: str) -> None:
    for block in blocks(page, "json"):
        assert json.loads(block)


def test_the_service_account_of_the_trust_is_the_chart_s(tmp_path: Path) -> None:
    """`fullnameOverride: gateway` in namespace shop, as in the pages."""
    path = tmp_path / "values.yaml"
    path.write_text(next(each for each in blocks("iam", "yaml") if "roleArn" in each))
    (account,) = (one for one in render(GATEWAY_CHART, path) if one["kind"] == "ServiceAccount")
    place = (
        f"system:serviceaccount:{account['metadata']['namespace']}:{account['metadata']['name']}"
    )
    assert any(place in block for block in blocks("iam", "json"))
