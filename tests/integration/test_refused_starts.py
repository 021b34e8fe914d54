"""Starts that are refused: exit status, every problem, no traceback, nothing begun."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest

from gateway import __version__
from tests.integration.children import LOOPBACK, aws_environment, run_gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.integration.conftest import NewService
    from tests.integration.services import Service

BROKEN = """\
routes:
  - name: Orders
    queue: orders
    splt: {stable: 90, canary: 10}
    versions:
      stable: http://b.shop:8080/events
      canary: ftp://b1.shop/events
    rules:
      - match: [{attributes: {tenant: {regex: "("}}}]
        to: canaryy
"""
SOUND = """\
routes:
  - name: orders
    queue: orders
    versions: {stable: http://127.0.0.1:9/events}
"""
PROBLEM = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): (?P<place>[^:]+): (?P<what>.+)")


@pytest.fixture(scope="module")
def sqs(new_service: NewService) -> Service:
    """What would be SQS; nothing that is refused may get so far as to call it."""
    return new_service("SQS")


@pytest.fixture
def start(tmp_path: Path, sqs: Service) -> Callable[..., CompletedProcess[str]]:
    """Run the gateway to its end with a routing file of this text (None: no such file)."""

    def run(text: str | None = SOUND, **environment: str) -> CompletedProcess[str]:
        file = tmp_path / "routes.yaml"
        if text is not None:
            file.write_text(text, "utf-8")
        settings = {**aws_environment(sqs.url), "GATEWAY_ADMIN_HOST": LOOPBACK, **environment}
        result = run_gateway("--config", str(file), **settings)
        assert "Traceback" not in result.stderr
        assert result.stdout == ""
        assert sqs.seen() == []
        return result

    return run


def test_a_broken_routing_file_is_refused_with_every_problem_on_its_line(
    start: Callable[..., CompletedProcess[str]],
) -> None:
    result = start(BROKEN)
    assert result.returncode == 2
    problems = [match for line in result.stderr.splitlines() if (match := PROBLEM.match(line))]
    assert [int(problem["line"]) for problem in problems] == [2, 4, 7, 9, 10]
    by_line = {int(problem["line"]): problem[0] for problem in problems}
    assert all(problem["file"].endswith("routes.yaml") for problem in problems)
    assert "split" in by_line[4].partition("(")[2]
    assert "canary" in by_line[10].partition("(")[2]
    assert "5 problems" in result.stderr


@pytest.mark.parametrize("text", ["", "routes:\n\t- a"], ids=["empty", "no YAML"])
def test_what_is_no_routing_file_is_refused(
    start: Callable[..., CompletedProcess[str]], text: str
) -> None:
    result = start(text)
    assert result.returncode == 2
    assert "routes.yaml" in result.stderr


def test_a_missing_routing_file_is_refused(start: Callable[..., CompletedProcess[str]]) -> None:
    result = start(None)
    assert result.returncode == 2
    assert "no such file" in result.stderr


def test_no_routing_file_at_all_is_refused_with_how_to_name_one() -> None:
    result = run_gateway()
    assert (result.returncode, result.stdout) == (2, "")
    assert "--config" in result.stderr
    assert "GATEWAY_CONFIG" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def taken_port() -> Iterator[str]:
    """A port that another process listens on, which ends a start that gets as far."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        yield str(taken.getsockname()[1])


def test_all_bad_settings_are_told_at_once(start: Callable[..., CompletedProcess[str]]) -> None:
    result = start(GATEWAY_ADMIN_PORT="80a", GATEWAY_DRAIN_SECONDS="-1", GATEWAY_LOG_LEVEL="LOUD")
    assert result.returncode == 2
    for name in ("GATEWAY_ADMIN_PORT", "GATEWAY_DRAIN_SECONDS", "GATEWAY_LOG_LEVEL"):
        assert name in result.stderr


def test_an_unknown_variable_is_one_line_of_the_log(
    start: Callable[..., CompletedProcess[str]], taken_port: str
) -> None:
    result = start(GATEWAY_ADMIN_PORT=taken_port, GATEWAY_DRAIN_SECOND="5")
    (line,) = [line for line in result.stderr.splitlines() if "GATEWAY_DRAIN_SECOND:" in line]
    assert json.loads(line)["level"] == "warning"
    assert "did you mean GATEWAY_DRAIN_SECONDS?" in json.loads(line)["event"]


def test_an_admin_port_in_use_ends_the_start_with_one_line(
    start: Callable[..., CompletedProcess[str]], taken_port: str
) -> None:
    result = start(GATEWAY_ADMIN_PORT=taken_port)
    assert result.returncode == 1
    first, line = result.stderr.splitlines()
    assert json.loads(first)["version"] == __version__, "the log begins with what runs"
    assert f"{LOOPBACK}:{taken_port}" in line
    assert "in use" in line
