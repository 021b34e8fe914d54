"""A stop at any moment is a soft stop, from the first line on, as PID 1 too."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from tests.integration.children import LOOPBACK, aws_environment
from tests.integration.started_process import StartedProcess, may_unshare
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.services import Service

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="events of a start-up are read from /proc"
)
needs_unshare = pytest.mark.skipif(
    not may_unshare(), reason="`unshare --pid --fork --mount-proc` is not allowed here"
)

MOMENTS: Final[dict[str, Callable[[StartedProcess], object]]] = {
    "first line": StartedProcess.wait_until_handling,
    "settings": lambda process: process.wait_until_loaded("pydantic_core"),
    "routing file": lambda process: process.wait_until_loaded("re2"),
    "log": lambda process: process.wait_until_loaded("_ssl"),
    "client": lambda process: process.wait_until_loaded("httptools"),
    "loop": lambda process: process.wait_until_loaded("uvloop"),
    "admin port": lambda process: until(lambda: "admin port listens" in process.logged(), "port"),
    "routes": lambda process: until(lambda: "file in force" in process.logged(), "routes"),
}
"""Events of a start-up, about in their order."""


@pytest.fixture(scope="module")
def sqs(new_service: NewService) -> Service:
    """What would be SQS."""
    return new_service("SQS")


@pytest.fixture
def start(tmp_path: Path, sqs: Service) -> Callable[..., StartedProcess]:
    """Return a gateway that is not started yet."""
    file = tmp_path / "routes.yaml"
    route = {"name": "orders", "queue": "orders", "versions": {"stable": "http://127.0.0.1:9/"}}
    file.write_text(yaml.safe_dump({"routes": [route]}), "utf-8")
    settings = {"GATEWAY_ADMIN_HOST": LOOPBACK, "GATEWAY_ADMIN_PORT": "0"}

    def make(*arguments: str, as_pid_1: bool = False) -> StartedProcess:
        return StartedProcess(
            arguments or ("-m", "gateway", "--config", str(file)),
            tmp_path,
            {**aws_environment(sqs.url), **settings, "TMPDIR": str(tmp_path)},
            as_pid_1=as_pid_1,
        )

    return make


@needs_unshare
@pytest.mark.parametrize(
    ("moment", "number"),
    [*((moment, signal.SIGTERM) for moment in MOMENTS), ("first line", signal.SIGINT)],
)
def test_a_stop_at_any_moment_of_the_start_is_a_soft_stop_as_pid_1(
    start: Callable[..., StartedProcess], moment: str, number: signal.Signals
) -> None:
    """What a kernel does without a handler is another thing there; the handler is the same."""
    with start(as_pid_1=True) as gateway:
        MOMENTS[moment](gateway)
        gateway.signal(number)
        assert gateway.exit_status() == 0
    assert "Traceback" not in gateway.logged()
    assert "is polling" not in gateway.logged()


@pytest.mark.parametrize(
    ("moment", "number"),
    [*((moment, signal.SIGINT) for moment in MOMENTS), ("first line", signal.SIGTERM)],
)
def test_a_stop_at_any_moment_of_the_start_is_a_soft_stop(
    start: Callable[..., StartedProcess], moment: str, number: signal.Signals
) -> None:
    with start() as gateway:
        MOMENTS[moment](gateway)
        gateway.signal(number)
        assert gateway.exit_status() == 0
    assert "Traceback" not in gateway.logged()


def test_hang_ups_at_every_moment_of_the_start_do_not_kill(
    start: Callable[..., StartedProcess],
) -> None:
    with start() as gateway:
        for wait in MOMENTS.values():
            wait(gateway)
            gateway.signal(signal.SIGHUP)
        until(lambda: gateway.logged().count("routing file in force") >= 2, "a reload")
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 0


def test_a_hang_up_in_the_first_line_of_the_start_is_a_reload(
    start: Callable[..., StartedProcess],
) -> None:
    """It reads the file once there is something to be reloaded."""
    with start() as gateway:
        gateway.wait_until_handling()
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.logged().count("routing file in force") == 2, "the reload")
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 0


def test_a_gateway_whose_routing_file_never_ends_is_stopped(
    start: Callable[..., StartedProcess], tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with start("-m", "gateway", "--config", str(pipe)) as gateway:
        writing = os.open(pipe, os.O_WRONLY)  # returns once it is being read
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 0
        os.close(writing)
    assert gateway.logged() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_reads_ends_at_a_stop(
    start: Callable[..., StartedProcess], tmp_path: Path, number: signal.Signals
) -> None:
    command = ["explain", "--config", str(tmp_path / "routes.yaml"), "--route", "orders"]
    with start("-m", "gateway", *command, "--messages", "-") as explain:
        explain.wait_until_handling()
        explain.signal(number)
        assert explain.exit_status() == 128 + number
    assert "Traceback" not in explain.logged()


@needs_unshare
@pytest.mark.parametrize("moment", ["first line", "loop"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_ends_in_order_at_any_moment_as_pid_1(
    start: Callable[..., StartedProcess], number: signal.Signals, moment: str, tmp_path: Path
) -> None:
    pytest.importorskip("ministack")
    with start("-m", "gateway", "demo", "--messages", "1", as_pid_1=True) as demo:
        MOMENTS[moment](demo)
        demo.signal(number)
        assert demo.exit_status() == 128 + number
    assert "Traceback" not in demo.logged()
    assert "every process of the demo has ended" in demo.printed()
    assert list(tmp_path.glob("gateway-demo-*")) == []


@needs_unshare
@pytest.mark.parametrize("moment", ["first line", "loop"])
def test_a_service_of_the_demo_ends_at_any_moment_as_pid_1(
    start: Callable[..., StartedProcess], moment: str
) -> None:
    command = ["-m", "gateway.demo.service", "--name", "D", "--port", "0"]
    with start(*command, as_pid_1=True) as service:
        MOMENTS[moment](service)
        service.signal(signal.SIGTERM)
        assert service.exit_status() == 0
    assert "Traceback" not in service.logged()
