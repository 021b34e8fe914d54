"""No file of the repository refers to a document that is not in the repository.

Looked at are numbered sections and lessons without a link, names of Markdown files, relative links
with their anchors, and decision records by their number.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs.generate import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKED: Final = (
    "gateway",
    "tests",
    "tools",
    "setup.py",
    "pyproject.toml",
    "Makefile",
    "docs",
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    "RELEASING.md",
    ".github",
    "Dockerfile",
    "requirements",
    "charts",
    "config",
)
KINDS: Final = frozenset({".md", ".py", ".yaml", ".yml", ".tpl", ".toml", ".txt", ".json", ""})
IGNORED: Final = frozenset({".git", ".venv", "__pycache__", "corpus", "routing_files"})  # inputs

FENCE: Final = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
LINK: Final = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]*)\)")
URL: Final = re.compile(r"https?://[^\s)>\"'`]+")
UNLINKED: Final = re.compile(
    r"\bcontract, section \d+|\bsections? \d+ of the contract|\blessons? \d+", re.IGNORECASE
)
NAMED: Final = re.compile(r"(?<![\w./*{}-])((?:[\w.-]+/)*[\w-]+\.md)(?:#([\w-]+))?\b")
RECORD: Final = re.compile(r"\bADR (\d+)\b")
HEADING: Final = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)


def files() -> list[Path]:
    """Return the files to look at, this one left out: its planted faults are faults."""
    found: list[Path] = []
    for name in CHECKED:
        top = ROOT / name
        found += sorted(top.rglob("*")) if top.is_dir() else [top]
    return [
        file
        for file in found
        if file.is_file()
        and file.suffix in KINDS
        and not IGNORED & set(file.parts)
        and file != Path(__file__)
    ]


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    text = LINK.sub(r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a Markdown page; of headings alike each after the first is numbered."""
    seen: dict[str, int] = {}
    found = set()
    for heading in HEADING.findall(FENCE.sub("", page.read_text("utf-8"))):
        anchor = slug(heading)
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        found.add(f"{anchor}-{count}" if count else anchor)
    return frozenset(found)


@cache
def pages() -> frozenset[str]:
    """Return the names of all Markdown files of the repository."""
    return frozenset(p.name for p in ROOT.rglob("*.md") if not IGNORED & set(p.parts))


def faults(text: str, file: Path) -> list[str]:
    """Return what the text of a file refers to and is not there."""
    found = list(_links(text, file)) if file.suffix == ".md" else []
    # What a link says is checked by its target.
    text = URL.sub("", LINK.sub("", text) if file.suffix == ".md" else text)
    found += [f"{phrase}: without a link" for phrase in UNLINKED.findall(text)]
    for name, anchor in NAMED.findall(text):
        found += _named(name, anchor, file)
    for number in RECORD.findall(text):
        if not list(ROOT.glob(f"docs/adr/{int(number):04}-*.md")):
            found.append(f"ADR {number}: no such record")
    return found


def _links(text: str, file: Path) -> Iterator[str]:
    for _, target in LINK.findall(FENCE.sub("", text)):
        path, _, anchor = target.partition("#")
        if URL.match(target):
            continue
        page = (file.parent / path) if path else file
        if not page.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in (anchors(page) if page.suffix == ".md" else ()):
            yield f"{target}: no such heading"


def _named(name: str, anchor: str, file: Path) -> Iterator[str]:
    """A path starts at the root or beside the file; a bare name may be of any page."""
    beside = [page for page in (ROOT / name, file.parent / name) if page.exists()]
    if not beside and ("/" in name or name not in pages()):
        yield f"{name}: no such page"
    elif anchor and beside and anchor not in anchors(beside[0]):
        yield f"{name}#{anchor}: no such heading"


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_refers_to_what_is_in_the_repository(file: Path) -> None:
    assert faults(file.read_text("utf-8"), file) == []


def test_there_is_something_to_look_at() -> None:
    kinds = {file.suffix for file in files()}
    assert {".md", ".yaml", ".tpl"} <= kinds
    assert len(files()) > 80


PAGE: Final = ROOT / "docs" / "limits.md"
CODE: Final = ROOT / "gateway" / "cli.py"


@pytest.mark.parametrize(
    ("text", "file", "fault"),
    [
        ('"""The bucket (contract, section 3)."""', CODE, "contract, section 3: without a link"),
        ("as section 4 of the contract has it", PAGE, "section 4 of the contract: without a link"),
        ('"""Lesson 7: failed entries."""', CODE, "Lesson 7: without a link"),
        ("see design.md", CODE, "design.md: no such page"),
        ("see `contract.md`", PAGE, "contract.md: no such page"),
        ("# docs/how-to/fly.md says how", CODE, "docs/how-to/fly.md: no such page"),
        (
            "runbook_url: docs/limits.md#nowhere",
            ROOT / "charts" / "a.yaml",
            "docs/limits.md#nowhere: no such heading",
        ),
        ("for a third of the time (ADR 99)", CODE, "ADR 99: no such record"),
        ("[a](adr/9999-no.md)", PAGE, "adr/9999-no.md: no such file"),
        ("[a](glossary.md#nowhere)", PAGE, "glossary.md#nowhere: no such heading"),
        ("[a](#nowhere)", PAGE, "#nowhere: no such heading"),
        ("[`code` in [brackets]](no.md)", PAGE, "no.md: no such file"),
    ],
)
def test_a_planted_fault_is_found(text: str, file: Path, fault: str) -> None:
    assert fault in faults(text, file)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("[lesson 4](explanation/what-went-wrong-elsewhere.md)", PAGE),
        ("[a](reference/admin-api.md#post--reload) and [b](#http-as-far-as-it-goes)", PAGE),
        ("```text\n[a](nowhere.md)\n```\n", ROOT / "docs" / "glossary.md"),
        ("https://example.com/docs/nowhere.md#at-all", CODE),
        ("docs/adr/0009-replicas-not-workers.md and ADR 9, limits.md", CODE),
        ("the Target's contract, in three sections", CODE),
    ],
)
def test_what_is_there_is_no_fault(text: str, file: Path) -> None:
    assert faults(text, file) == []


def test_an_anchor_is_github_s() -> None:
    assert slug("GET /api/routes") == "get-apiroutes"
    assert slug("`client: httpx` runs on httpcore") == "client-httpx-runs-on-httpcore"
    assert slug("1. No lease extension") == "1-no-lease-extension"
    assert slug("Why [this](there.md), then?") == "why-this-then"
