"""The tutorial's second hop: what can run without a cluster runs, and says what the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.chart.chain import CHAIN_CHART, KUSTOMIZE, option, rendered_chain
from tests.chart.rendering import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = (ROOT / "docs/tutorial/canary-a-queue-consumer-in-15-minutes.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
UPGRADES: Final = re.findall(r"^helm (?:install|upgrade) .*", PAGE, re.MULTILINE)


def values_of(command: str) -> list[Path]:
    """Return the files of values of a command that are part of the repository."""
    named = re.findall(r"--values (\S+)", command)
    return [ROOT / one for one in named if one.startswith("charts/")]


@pytest.mark.parametrize("command", UPGRADES)
def test_every_command_renders_with_its_values(command: str) -> None:
    files = values_of(command)
    assert files[0] == CHAIN_CHART / "values-emulator.yaml"
    assert rendered_chain(*files)


def test_the_page_has_both_kinds_of_a_second_hop() -> None:
    last = [values_of(command)[-1].name for command in UPGRADES]
    assert {"values-second-queue.yaml", "values-queues.yaml"} <= set(last)


def test_b_and_b1_print_what_the_page_says() -> None:
    objects = rendered_chain(*values_of(UPGRADES[-2]))
    deployments = {o["metadata"]["name"]: o for o in objects if o["kind"] == "Deployment"}
    assert "Both lines have `--next-queue=orders-c`" in PAGE
    for name, session in (("b", "b,version=v1"), ("b1", "b1,version=v2")):
        assert option(deployments[name], "next-queue") == "orders-c"
        (container,) = deployments[name]["spec"]["template"]["spec"]["containers"]
        assert {"name": "AWS_ROLE_SESSION_NAME", "value": session} in container["env"]
        assert f"`{session}`" in PAGE


def test_the_reason_is_explained_as_the_page_says(tmp_path: Path) -> None:
    (block,) = (each for each in BLOCKS if "gateway explain" in each)
    (tmp_path / "config").symlink_to(ROOT / "config")
    line = block.replace("\npython ", f"\n{sys.executable} ")
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    decisions = [json.loads(each) for each in done.stdout.splitlines()]
    assert [(each["version"], each["reason"]) for each in decisions] == [
        ("canary", "pinned"),
        ("stable", "pinned"),
    ]


def test_every_overlay_of_the_page_is_there() -> None:
    named = set(re.findall(r"config/kustomize/(overlays/[\w-]+)", PAGE))
    assert named >= {"overlays/second-queue", "overlays/queues"}
    assert all((KUSTOMIZE / each / "kustomization.yaml").exists() for each in named)


def test_the_policy_of_the_page_has_the_queues_of_the_versions() -> None:
    (command,) = re.findall(r"^python -m (gateway iam .*queues/routes\.yaml)", PAGE, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    statements = [one for each in json.loads(done.stdout).values() for one in each["Statement"]]
    sends = {
        s["Resource"].rpartition(":")[2] for s in statements if "sqs:SendMessage" in s["Action"]
    }
    assert sends == {"b", "b1", "c", "c1"}
