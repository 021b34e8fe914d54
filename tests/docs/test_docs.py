"""The documentation is executed: what it shows loads, what it links to exists."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from gateway.config import loader
from gateway.config.problems.problem import ProblemsFound
from gateway.core.header_budget import DEFAULT_MAX_HEADER_BYTES
from tests.docs.generate import ROOT, stale

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
TEST_LINK = re.compile(r"\[`(test_\w+)`\]\(([^)#\s]+\.py)\)")
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(YAML_BLOCK.findall(page.read_text()))
]


def test_the_generated_pages_are_current() -> None:
    """`make generate` writes them anew."""
    assert stale() == []


@pytest.mark.parametrize("block", BLOCKS)
def test_every_routing_file_shown_loads(block: str) -> None:
    """Blocks with `routes:` are routing files, or values; the others are at least YAML."""
    values = block.startswith("# values.yaml\n")
    for each in yaml.safe_load_all(block):
        if values and len(each) > 1 and "routes" in each:
            block = yaml.safe_dump({"routes": each["routes"]})
    if any("routes" in (each or {}) for each in yaml.safe_load_all(block)):
        assert loader.load(block.encode(), "shown.yaml").routes


def test_a_routing_file_shown_that_is_broken_would_be_noticed() -> None:
    """The test above can fail."""
    with pytest.raises(ProblemsFound):
        loader.load(b"routes: [{name: a}]", "shown.yaml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_local_link_leads_somewhere(page: Path) -> None:
    """Links are relative to the page."""
    targets = LINK.findall(page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_is_linked_by_name_exists(page: Path) -> None:
    """The text of such a link is the name of a test in the file that it leads to."""
    for name, target in TEST_LINK.findall(page.read_text()):
        assert f"def {name}(" in (page.parent / target).read_text(), name


def test_guarantees_link_their_tests() -> None:
    """The test above has something to look at."""
    page = ROOT / "docs/explanation/guarantees.md"
    assert len(TEST_LINK.findall(page.read_text())) > 20


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_commands_work(readme: str, tmp_path: Path) -> None:
    """The routing file shown is checked and explained by the commands shown beside it."""
    text = (ROOT / readme).read_text()
    (tmp_path / "routes.yaml").write_text(YAML_BLOCK.findall(text)[0])
    checked = _shell("python -m gateway check --config routes.yaml", tmp_path)
    assert checked == "ok\n"
    shown = re.findall(r"^echo '.*?--messages -$", text, re.DOTALL | re.MULTILINE)
    assert '"version": "canary"' in _shell(shown[0], tmp_path)


def test_both_readmes_have_the_same_code() -> None:
    """The Chinese one says the same: blocks are equal but for comments."""
    assert _code("README.md") == _code("README.zh-CN.md")


def _code(readme: str) -> list[str]:
    text = (ROOT / readme).read_text()
    blocks = re.findall(r"^```\w+\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(r" *#.*", "", block) for block in blocks]


def _shell(command: str, folder: Path) -> str:
    command = command.replace("python ", f"{sys.executable} ")
    done = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_heading_is_there_twice(page: Path) -> None:
    """Twice means that one thing is said twice, and perhaps differently."""
    headings = re.findall(r"^#{1,6} .*", FENCED.sub("", page.read_text()), re.MULTILINE)
    sections = [heading for heading in headings if page.name != "CHANGELOG.md"]
    assert len(sections) == len(set(sections))


def test_no_header_of_a_delivery_is_there_twice() -> None:
    """The first cell says what a row is about."""
    page = (ROOT / "docs/reference/delivery.md").read_text()
    table = page.partition("## Headers")[2].partition("###")[0]
    rows = re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE)
    assert len(rows) > 15
    assert len(rows) == len(set(rows))


DEFAULTS: Final = {
    "max_header_bytes": (f"{DEFAULT_MAX_HEADER_BYTES:,}", str(DEFAULT_MAX_HEADER_BYTES)),
    "connection_lifetime": ("20 s", "20s"),
}
PAGES_OF_NOW: Final = [page for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.mark.parametrize("page", PAGES_OF_NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_default_that_a_page_names_is_the_one_in_force(page: Path) -> None:
    """Of the keys whose default was another one before."""
    for key, right in DEFAULTS.items():
        for number in re.findall(
            rf"`{key}`[^.|]*?\bdefaults?(?: is)? `?([\d,]+ ?\w*)", page.read_text()
        ):
            assert number.startswith(right)
