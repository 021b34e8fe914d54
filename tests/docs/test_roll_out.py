"""The commands of docs/how-to/roll-out-and-roll-back.md about the routing file do what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs.generate import ROOT
from tests.integration.children import aws_environment, clean_environment, free_port
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = (ROOT / "docs/how-to/roll-out-and-roll-back.md").read_text()
FILE: Final = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]
COMMANDS: Final = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    if "--config routes.yaml" in block
]
(WATCHING,) = re.findall(r"exec .*? -- python -c '(.*?)'\ndone", PAGE, re.DOTALL)


def said(command: str, folder: Path, file: str = FILE) -> str:
    (folder / "routes.yaml").write_text(file)
    run = re.sub(r"\bpython3? ", f"{sys.executable} ", command)
    done = subprocess.run(run, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "own", [{}, {"GATEWAY_ADMIN_TOKEN": "t", "GATEWAY_ADMIN_PROTECT_READS": "true"}]
)
def test_the_generation_is_watched_in_the_pod(own: dict[str, str], tmp_path: Path) -> None:
    """The program that the page runs in each pod, with the environment that the pod has."""
    (tmp_path / "routes.yaml").write_text(FILE)
    port = str(free_port())
    own = {**own, "GATEWAY_ADMIN_PORT": port}
    environment = {**clean_environment(), **aws_environment("http://127.0.0.1:9"), **own}
    command = [sys.executable, "-m", "gateway", str(tmp_path / "routes.yaml")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            asks = [sys.executable, "-m", "gateway", "health"]
            until(
                lambda: subprocess.run(asks, env=environment, check=False).returncode == 0,
                "a gateway that listens",
            )
            watch = [sys.executable, "-c", WATCHING]
            watched = subprocess.run(
                watch, env=environment, capture_output=True, text=True, check=True
            )
        finally:
            process.kill()
    assert watched.stdout == "1 [] {'stable': 90, 'canary': 10}\n"


def test_the_file_is_checked_and_a_message_explained(tmp_path: Path) -> None:
    checked, _, explained = said(COMMANDS[0], tmp_path).partition("\n")
    assert checked == "ok"
    assert json.loads(explained)["reason"] == "split"


@pytest.mark.parametrize("weight", [0, 10, 25])
def test_the_whole_split_is_counted(weight: int, tmp_path: Path) -> None:
    file = FILE.replace("{stable: 90, canary: 10}", f"{{stable: {100 - weight}, canary: {weight}}}")
    counting = COMMANDS[1].rstrip().removesuffix('| grep -c \'"version": "canary"\'')
    decisions = [json.loads(line) for line in said(counting, tmp_path, file).splitlines()]
    canary = sum(each["version"] == "canary" for each in decisions)
    assert len(decisions) == 10_000
    assert canary == pytest.approx(100 * weight, abs=150)


def test_the_command_counts_as_on_the_page(tmp_path: Path) -> None:
    assert int(said(COMMANDS[1], tmp_path)) == pytest.approx(1_000, abs=150)
