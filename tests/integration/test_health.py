"""`gateway health`: by the settings of the gateway, wherever it listens."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from gateway.cli.admin_place import flags_in
from tests.integration.children import (
    LOOPBACK,
    Child,
    aws_environment,
    clean_environment,
    free_port,
    run_gateway,
)
from tests.integration.started_process import StartedProcess, may_unshare
from tests.integration.waiting import until

if TYPE_CHECKING:
    from tests.integration.conftest import NewService


@pytest.fixture
def environment(new_service: NewService, tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "routes.yaml"
    route = {"name": "orders", "queue": "orders", "versions": {"stable": "http://127.0.0.1:9/"}}
    file.write_text(yaml.safe_dump({"routes": [route]}), "utf-8")
    return {**aws_environment(new_service("SQS").url), "GATEWAY_CONFIG": str(file)}


def _listens(gateway: Child) -> None:
    until(lambda: "admin port listens" in gateway.logged(), "the admin port")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost"])
def test_health_is_0_wherever_the_gateway_listens(
    environment: dict[str, str], tmp_path: Path, host: str
) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    settings = {"GATEWAY_ADMIN_HOST": host, "GATEWAY_ADMIN_PORT": str(free_port())}
    proxy = {"http_proxy": "http://127.0.0.1:9"}
    with Child(["-m", "gateway"], tmp_path, {**environment, **settings}) as gateway:
        _listens(gateway)
        result = run_gateway("health", **settings, **proxy)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        flags = ["--admin-host", host, "--admin-port", settings["GATEWAY_ADMIN_PORT"]]
        assert run_gateway("health", *flags).returncode == 0
        assert run_gateway(*flags, "health").returncode == 0


def test_health_is_1_with_the_reason_where_nobody_listens() -> None:
    port = str(free_port())
    result = run_gateway("health", GATEWAY_ADMIN_PORT=port)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"127.0.0.1:{port}/healthz: Connection refused" in result.stderr
    assert f"[::1]:{port}/healthz: " in result.stderr
    assert "Traceback" not in result.stderr


def test_health_is_1_where_something_else_answers() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        result = run_gateway("health", GATEWAY_ADMIN_PORT=str(server.getsockname()[1]))
    assert (result.returncode, result.stdout) == (1, "")
    assert "timed out" in result.stderr


def test_health_asks_for_a_number_where_the_port_is_any() -> None:
    result = run_gateway("health", GATEWAY_ADMIN_PORT="0")
    assert result.returncode == 1
    assert "GATEWAY_ADMIN_PORT is 0" in result.stderr


def test_health_with_a_bad_setting_is_2() -> None:
    result = run_gateway("health", GATEWAY_ADMIN_PORT="80a")
    assert result.returncode == 2
    assert "GATEWAY_ADMIN_PORT" in result.stderr


@pytest.mark.skipif(not may_unshare(), reason="`unshare --pid` is not allowed here")
def test_health_takes_the_flags_of_the_gateway_that_is_pid_1(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """As a container's health check, which knows the environment and not the arguments."""
    command = ["-m", "gateway", "--admin-port", str(free_port()), "--admin-host=::1"]
    with StartedProcess(command, tmp_path, environment, as_pid_1=True) as gateway:
        _listens(gateway)
        inside = ["nsenter", "--target", str(gateway.pid), "--pid", "--mount"]
        result = subprocess.run(
            [*inside, sys.executable, "-m", "gateway", "health"],
            env={**clean_environment(), **environment},
            cwd=Path.cwd(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ("python -m gateway --config r --admin-port 9", {"admin_port": "9"}),
        ("/usr/bin/tini -- /opt/bin/gateway --admin-host=::1", {"admin_host": "::1"}),
        ("gateway --config r", {}),
        ("gateway --admin-port", {}),
        ("/sbin/init splash", {}),
        ("", {}),
    ],
)
def test_flags_are_found_on_a_command_line(line: str, flags: dict[str, str]) -> None:
    assert flags_in(line.split()) == flags
