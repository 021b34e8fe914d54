"""The commands of a release, without a registry."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from gateway import __version__
from tests.chart import tools as chart_tools
from tests.chart.rendering import render
from tools.release.__main__ import CHART, ROOT, main
from tools.release.changelog import GROUPS, ChangelogError, section_of, sections
from tools.release.chart import ChartError, stage

if TYPE_CHECKING:
    from pathlib import Path

    from tools.release.changelog import Section

CHANGELOG: Final = (ROOT / "CHANGELOG.md").read_text()
IMAGE: Final = "registry.example/team/sqs-version-gateway"
SOURCE: Final = "https://git.example/team/sqs-version-gateway"


def test_the_version_has_a_dated_section_for_users() -> None:
    section = section_of(CHANGELOG, __version__)
    assert date.fromisoformat(section.date) >= date(2026, 11, 29)
    assert section.entries()


def test_the_newest_section_is_this_version_or_what_comes_after_it() -> None:
    names = [section.version for section in sections(CHANGELOG)]
    assert next(name for name in names if name != "Unreleased") == __version__
    assert len(names) == len(set(names))


@pytest.mark.parametrize("section", sections(CHANGELOG), ids=lambda section: section.version)
def test_a_section_groups_its_entries_by_kind(section: Section) -> None:
    """Artifact Hub takes these kinds, and no others."""
    headings = re.findall(r"^### (.+)$", section.text, re.MULTILINE)
    assert set(headings) <= set(GROUPS)
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("## 9.9.9\n\n### Added\n\n- A thing.\n", "has no date"),
        ("## 9.9.9 (2026-11-29)\n\nNothing.\n", "has no entries"),
        ("## Unreleased\n\n### Added\n\n- A thing.\n", "there is no section ## 9.9.9"),
    ],
)
def test_a_changelog_that_says_too_little_is_told(planted: str, told: str) -> None:
    with pytest.raises(ChangelogError, match=re.escape(told)):
        section_of(planted, "9.9.9")


def test_entries_are_plain_text() -> None:
    text = "## 1.0.0 (2026-11-29)\n\n### Fixed\n\n- `a` is [b](docs/limits.md) now.\n"
    assert section_of(text, "1.0.0").entries() == [("Fixed", "a is b now.")]


def test_the_tag_of_this_version_passes() -> None:
    assert main(["check", f"v{__version__}"]) == 0


@pytest.mark.parametrize("tag", ["v99.0.0", __version__, "main", ""])
def test_another_tag_stops_the_release(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", tag]) == 1
    assert f"tag v{__version__}" in capsys.readouterr().err


def test_the_notes_are_the_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notes"]) == 0
    assert capsys.readouterr().out.strip() == section_of(CHANGELOG, __version__).text


def test_the_commands_need_nothing_installed() -> None:
    """They run before anything is: on the standard library alone."""
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); " + BARE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (__version__, "")


BARE: Final = "from tools.release.__main__ import main; sys.exit(main(['version']))"


def test_the_published_chart_installs_the_published_image(tmp_path: Path) -> None:
    """Packaged by the real helm, and rendered from the package without any value."""
    arguments = ["chart", "--image", IMAGE, "--source", SOURCE, "--destination", str(tmp_path)]
    assert main([*arguments, "--helm", str(chart_tools.helm())]) == 0
    (package,) = tmp_path.glob("*.tgz")
    assert package.name == f"sqs-version-gateway-{__version__}.tgz"
    subprocess.run(["tar", "-xzf", package, "-C", tmp_path], check=True)
    objects = render(tmp_path / "sqs-version-gateway")
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{IMAGE}:{__version__}"


def test_the_published_chart_says_what_artifact_hub_asks(tmp_path: Path) -> None:
    section = section_of(CHANGELOG, __version__)
    folder = stage(CHART, tmp_path, IMAGE, SOURCE, section)
    said = yaml.safe_load((folder / "Chart.yaml").read_text())
    assert (said["home"], said["sources"]) == (SOURCE, [SOURCE])
    hub = {name.removeprefix("artifacthub.io/"): text for name, text in said["annotations"].items()}
    assert all(isinstance(text, str) for text in hub.values())
    (image,) = yaml.safe_load(hub["images"])
    assert image["image"] == f"{IMAGE}:{__version__}"
    changes = yaml.safe_load(hub["changes"])
    assert {each["kind"] for each in changes} <= {group.lower() for group in GROUPS}
    assert [each["description"] for each in changes] == [text for _, text in section.entries()]
    assert hub["license"] == "Apache-2.0"
    assert hub["category"] == "streaming-messaging"
    assert not (folder / "ci").exists()


def test_a_chart_without_its_places_is_refused(tmp_path: Path) -> None:
    chart = tmp_path / "sqs-version-gateway"
    chart.mkdir()
    (chart / "values.yaml").write_text("image:\n  repository: other\n")
    with pytest.raises(ChartError, match=r"values\.yaml.*is there 0 times"):
        stage(chart, tmp_path / "out", IMAGE, SOURCE, section_of(CHANGELOG, __version__))


def test_a_helm_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chart", "--image", IMAGE, "--source", SOURCE, "--helm", "/nonexistent"]) == 1
    assert "/nonexistent cannot be run" in capsys.readouterr().err
