"""The pages that people look for before they take part, held to what is released."""

from __future__ import annotations

import re
from typing import Final

import pytest

from gateway import __version__
from tests.publishing.workflows import FOLDER, ROOT, load, targets

SECURITY: Final = (ROOT / "SECURITY.md").read_text()
RELEASING: Final = (ROOT / "RELEASING.md").read_text()


def test_the_supported_versions_have_this_one() -> None:
    minor = __version__.rpartition(".")[0]
    rows = dict(re.findall(r"^\| (\S+\.x|before \S+) \| (\w+)", SECURITY, re.MULTILINE))
    assert rows == {f"{minor}.x": "yes", f"before {minor}": "no"}


def test_a_vulnerability_is_reported_in_private() -> None:
    assert "**Report a vulnerability**" in SECURITY
    assert "SECURITY.md" in (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()
    assert "SECURITY.md" in (ROOT / "CODE_OF_CONDUCT.md").read_text()


def test_the_page_on_releases_names_each_step_of_the_workflow() -> None:
    rows = re.findall(r"^\| ([a-z, -]+) \| .* \| .* \|$", RELEASING, re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")}
    assert set(load((FOLDER / "release.yml").read_text())["jobs"]) <= named


@pytest.mark.parametrize("page", ["RELEASING.md", ".github/PULL_REQUEST_TEMPLATE.md"])
def test_a_command_that_is_shown_is_one_of_the_makefile(page: str) -> None:
    text = (ROOT / page).read_text()
    shown = re.findall(r"(?:^|`)make ([a-z][a-z -]*)", text, re.MULTILINE)
    assert shown
    assert {word for words in shown for word in words.split()} <= targets()


def test_the_tag_that_is_shown_is_checked_for_this_version() -> None:
    """The identity in the commands is that of the workflow and of the tag."""
    identities = re.findall(r"--certificate-identity (\S+)", RELEASING)
    assert len(identities) == 2
    for identity in identities:
        assert identity.endswith(f"/.github/workflows/release.yml@refs/tags/v{__version__}")
