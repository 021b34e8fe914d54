"""The commands of docs/how-to/roll-out-and-roll-back.md about the routing file do what it says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from gateway.core.rollout.state import RolloutPhase
from tests.docs.generate import ROOT
from tests.integration.admin_ports import TOKEN, Port
from tests.integration.children import aws_environment, clean_environment, free_port
from tests.integration.loop_thread import LoopThread
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE: Final = (ROOT / "docs/how-to/roll-out-and-roll-back.md").read_text()
FILE: Final = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]
COMMANDS: Final = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    if "--config routes.yaml" in block
]
LINES: Final = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
FOR_A_PERSON: Final = [
    line.rpartition(" -- ")[2]
    for line in LINES
    if re.search(r"(^|-- )gateway (weight|rollout|status) ", line)
]
BY_CURL: Final = [line for line in LINES if line.startswith("curl -H")]
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


@pytest.fixture
def port() -> Iterator[Port]:
    with LoopThread() as thread:
        port = Port(thread)
        yield port
        port.close()


NEEDED: Final = {"retry": RolloutPhase.ABORTED, "--wait": RolloutPhase.PROMOTED}
"""The phase in which a command of the page has its place, where it is not any."""


@pytest.mark.parametrize("line", [each for each in FOR_A_PERSON if "--watch" not in each])
def test_each_command_for_a_person_works(line: str, port: Port) -> None:
    """Against the admin port that a gateway has, with rollouts in memory."""
    words = shlex.split(line)[1:]
    for word in NEEDED.keys() & {*words}:
        port.rollouts.seen["orders"] = replace(port.rollouts.view("orders"), phase=NEEDED[word])
    if "--url" in words:
        words[words.index("--url") + 1] = port.url
    done = port.run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("orders: ")


def test_the_commands_of_an_emergency_print_what_the_page_shows(port: Port) -> None:
    printed = [port.run(*shlex.split(line)[1:]).stdout for line in FOR_A_PERSON[:2]]
    (shown,) = re.findall(r"^```text\n(orders: .*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert printed[1] == shown.replace(" of 5", " of 4")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_same_by_curl(port: Port) -> None:
    assert len(BY_CURL) == 2
    for line in BY_CURL:
        command = line.replace("localhost:8080", port.url)
        done = subprocess.run(
            f"{command} --silent --fail-with-body",
            shell=True,
            env={**clean_environment(), "TOKEN": TOKEN},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["phase"] == "aborted"
    assert json.loads(done.stdout)["weights"] == {"stable": 100.0, "canary": 0.0}
