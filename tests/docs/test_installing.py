"""pip is only ever shown in a virtual environment: the system's Python refuses it (PEP 668)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs.generate import ROOT
from tests.docs.test_references import FENCE

if TYPE_CHECKING:
    from pathlib import Path

SHOWN: Final = re.compile(r"\bpip3? install\b")
BEFORE: Final = re.compile(r"-m venv\b|\.venv/bin/(?:python -m )?pip3? install|virtual environment")
SAID: Final = re.compile(r"virtual environment|虚拟环境|\.venv/bin/", re.IGNORECASE)
PAGES: Final = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "charts/**/*.md", "config/**/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)
CODE: Final = sorted([*ROOT.glob("gateway/**/*.py"), *ROOT.glob("charts/**/*.txt")])


def bare(text: str) -> list[str]:
    """Return the places of a page that show pip and no environment for it.

    In a block the environment is made before or in the same line, in prose it is in the sentence.
    """
    blocks = FENCE.findall(text)
    found = [line for block in blocks for line in _bare_in(block)]
    prose = FENCE.sub("", text).splitlines()
    return found + [line for line in prose if SHOWN.search(line) and not SAID.search(line)]


def _bare_in(block: str) -> list[str]:
    lines = block.splitlines()
    made = [number for number, line in enumerate(lines) if BEFORE.search(line)]
    first = made[0] if made else len(lines)
    return [line for line in lines[:first] if SHOWN.search(line)]


def bare_in_code(text: str) -> list[str]:
    """Return the lines of a module that show pip and whose neighbours name no environment."""
    lines = text.splitlines()
    return [
        line
        for number, line in enumerate(lines)
        if SHOWN.search(line) and not SAID.search("\n".join(lines[max(0, number - 1) : number + 2]))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_pip_in_an_environment(page: Path) -> None:
    assert bare(page.read_text("utf-8")) == []


def test_a_message_shows_pip_in_an_environment() -> None:
    found = {str(path): bare_in_code(path.read_text("utf-8")) for path in CODE}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "```sh\npip install sqs-version-gateway\n```\n",
        "```sh\npip install .\npython3 -m venv .venv\n```\n",
        "```sh\nsudo python3 -m pip install --break-system-packages .\n```\n",
        "`pip install` installs a console script.\n",
    ],
)
def test_pip_alone_is_found(planted: str) -> None:
    assert len(bare(planted)) == 1
    assert len(bare_in_code(planted.replace("python3 -m venv .venv", ""))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "```sh\npython3 -m venv .venv && . .venv/bin/activate\npip install .\n```\n",
        "```sh\n.venv/bin/pip install .\n```\n",
        "```sh\npipx install sqs-version-gateway\n```\n",
        "In a virtual environment: `pip install sqs-version-gateway`.\n",
    ],
)
def test_pip_in_an_environment_and_pipx_are_not(text: str) -> None:
    assert bare(text) == []
