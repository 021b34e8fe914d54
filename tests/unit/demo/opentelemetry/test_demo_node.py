"""Node's packages are fetched once; where they cannot be had the reason is told."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.demo.opentelemetry.node import NAME, NoNodeError, find_node

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it, and an environment of Python without packages."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    os.chmod(folder / name, 0o755)  # noqa: PTH101


async def test_without_node_it_says_so(programs: Path) -> None:
    with pytest.raises(NoNodeError, match="no node or no npm on the PATH"):
        await find_node()


async def test_packages_are_fetched_once(programs: Path, tmp_path: Path) -> None:
    program(programs, "node", "exit 0")
    program(programs, "npm", f"echo fetched >> {tmp_path}/calls; /bin/mkdir node_modules")
    first, second = await find_node(), await find_node()
    assert first == second
    assert first.packages == tmp_path / "prefix/tools" / NAME / "node_modules"
    assert first.packages.is_dir()
    assert (tmp_path / "calls").read_text() == "fetched\n"


async def test_a_fetch_that_fails_leaves_nothing_behind_and_says_why(
    programs: Path, tmp_path: Path
) -> None:
    program(programs, "node", "exit 0")
    program(programs, "npm", "/bin/mkdir node_modules; echo registry is out of reach; exit 7")
    with pytest.raises(NoNodeError, match="npm ended with 7: registry is out of reach"):
        await find_node()
    assert [path.suffix for path in (tmp_path / "prefix/tools").iterdir()] == [".lock"]


async def test_an_environment_that_cannot_be_written_to_is_a_reason(
    programs: Path, tmp_path: Path
) -> None:
    program(programs, "node", "exit 0")
    program(programs, "npm", "exit 0")
    (tmp_path / "prefix").write_text("a file where the environment should be")
    with pytest.raises(NoNodeError, match="cannot write to"):
        await find_node()


def test_a_name_with_versions_is_the_folder_so_newer_packages_get_their_own() -> None:
    from gateway.demo.opentelemetry.node import INSTRUMENTATION, SDK

    for package in (SDK, INSTRUMENTATION):
        assert package.rpartition("@")[2] in NAME
