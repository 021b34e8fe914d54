"""The version is stated once; every copy of it is written by `make generate`."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml
from setuptools.config.pyprojecttoml import read_configuration

from gateway import __version__
from tests.docs.generate import ROOT
from tests.docs.version_copies import PLACES, stamped

if TYPE_CHECKING:
    from pathlib import Path

CHARTS = sorted(ROOT.glob("charts/*/Chart.yaml"))


def test_the_package_has_the_version_of_the_module() -> None:
    """What the wheel is called is what `gateway --version` prints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    built = read_configuration(ROOT / "pyproject.toml")["project"]
    assert built["version"] == __version__


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.parent.name)
def test_a_chart_is_released_with_the_gateway_that_it_installs(chart: Path) -> None:
    said = yaml.safe_load(chart.read_text())
    assert (said["version"], said["appVersion"]) == (__version__, __version__)
    for dependency in said.get("dependencies", ()):
        assert dependency["version"] == __version__


def test_no_copy_of_the_version_is_an_older_one() -> None:
    """`make generate` writes the copies; `make check` says which of them are stale."""
    stale = [path for path, text in stamped(ROOT, __version__) if path.read_text("utf-8") != text]
    assert stale == []


@pytest.mark.parametrize("pattern", [each for each in PLACES if "README" not in each])
def test_a_copy_of_another_version_would_be_noticed(pattern: str) -> None:
    """Planted: were the version another one, some file of each kind would be stale."""
    files = set(ROOT.glob(pattern))
    stale = {path for path, text in stamped(ROOT, "99.0.0") if path.read_text("utf-8") != text}
    without = {"charts/**/*.md", "config/kustomize/**/*.md"}  # they show no image today
    assert files & stale or pattern in without


def test_the_version_is_written_in_no_other_file() -> None:
    """A file that names the product with a version is one of those that are kept current."""
    kept = {path for path, _ in stamped(ROOT, __version__)}
    named = re.compile(r"sqs-version-gateway[:=-]v?\d+\.\d+\.\d+")
    files = [
        *ROOT.glob("*"),
        *ROOT.glob("charts/**/*"),
        *ROOT.glob("config/**/*"),
        *ROOT.glob("docs/**/*"),
        *ROOT.glob("gateway/**/*.py"),
    ]
    found = {path for path in files if path.is_file() and named.search(_text(path))}
    assert found - kept == set()


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")
