"""The pages in docs/zh/ say what the English ones say: the same code, headings, rows and links."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.docs.generate import ROOT
from tests.docs.test_references import FENCE, HEADING, LINK

PAIRS: Final = {
    "docs/zh/README.md": "docs/README.md",
    "docs/zh/canary-a-queue-consumer-in-15-minutes.md": (
        "docs/tutorial/canary-a-queue-consumer-in-15-minutes.md"
    ),
    "docs/zh/follow-the-mesh.md": "docs/how-to/follow-the-mesh.md",
    "docs/zh/install-with-helm.md": "docs/how-to/install-with-helm.md",
    "README.zh-CN.md": "README.md",
}
BLOCK: Final = re.compile(r"^```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)
ROW: Final = re.compile(r"^\|", re.MULTILINE)
NOT_ENGLISH: Final = re.compile(r"[\u4e00-\u9fff]")


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def code(page: str) -> list[str]:
    """Return the blocks of a page without the comments that follow a command."""
    return [re.sub(r" +# .*", "", block) for block in BLOCK.findall(text(page))]


def targets(page: str) -> set[str]:
    """Return where its links lead, each by its English page."""
    found = set()
    for _, target in LINK.findall(FENCE.sub("", text(page))):
        path = target.partition("#")[0]
        if not path:
            continue
        if path.startswith("http"):
            found.add(path)
            continue
        place = str(((ROOT / page).parent / path).resolve().relative_to(ROOT))
        found.add(PAIRS.get(place, place))
    return found


def test_every_chinese_page_has_an_english_one() -> None:
    found = [*ROOT.glob("docs/zh/**/*.md"), *ROOT.glob("*.zh-CN.md")]
    assert {str(page.relative_to(ROOT)) for page in found} == set(PAIRS)


@pytest.mark.parametrize(("chinese", "english"), PAIRS.items())
def test_the_code_is_the_same(chinese: str, english: str) -> None:
    assert code(chinese) == code(english)


@pytest.mark.parametrize(("chinese", "english"), PAIRS.items())
def test_headings_and_rows_are_as_many(chinese: str, english: str) -> None:
    for pattern in (HEADING, ROW):
        counts = [len(pattern.findall(FENCE.sub("", text(page)))) for page in (chinese, english)]
        assert counts[0] == counts[1], pattern.pattern


@pytest.mark.parametrize(("chinese", "english"), PAIRS.items())
def test_links_lead_to_the_same_pages_and_both_ways(chinese: str, english: str) -> None:
    own = set(PAIRS.values())
    assert targets(chinese) - own == targets(english) - own
    for page, other in ((chinese, english), (english, chinese)):
        linked = {
            ((ROOT / page).parent / target.partition("#")[0]).resolve()
            for _, target in LINK.findall(text(page))
        }
        assert (ROOT / other).resolve() in linked


@pytest.mark.parametrize("chinese", PAIRS)
def test_it_is_chinese(chinese: str) -> None:
    """Each paragraph has Chinese, but for paragraphs of code and of links."""
    for paragraph in FENCE.sub("", text(chinese)).split("\n\n"):
        plain = LINK.sub("", paragraph).strip()
        if not re.search(r"\w", plain) or plain.startswith(("# ", "Apache-2.0")):
            continue
        assert NOT_ENGLISH.search(plain), plain


def test_a_link_is_read_as_its_english_page() -> None:
    assert "docs/how-to/install-with-helm.md" in targets("docs/zh/README.md")
