"""Pages are written in the words of the glossary, in plain English.

Generated pages are left out: their words are those of the code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs.generate import NOTE, ROOT
from tests.docs.glossary import words_to_avoid
from tests.docs.test_references import FENCE, LINK, URL

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN_BY_TOOLS: Final = ROOT / "docs" / "reference" / "benchmarks.md"
CODE_SPAN: Final = re.compile(r"`[^`]*`")
PAGES: Final = [
    page
    for page in sorted(
        [
            *(page for page in ROOT.glob("*.md") if not page.name.endswith(".zh-CN.md")),
            *ROOT.glob(".github/**/*.md"),
            *ROOT.glob("docs/**/*.md"),
            *ROOT.glob("charts/**/README.md"),
            *ROOT.glob("config/**/*.md"),
        ]
    )
    if page != WRITTEN_BY_TOOLS and not page.read_text("utf-8").startswith(NOTE)
]
PLAIN: Final = words_to_avoid("text")
UNPLAIN: Final = re.compile(rf"\b(?:{'|'.join(PLAIN)})\b", re.IGNORECASE)


def unplain(text: str) -> list[str]:
    """Return the words of a page's prose that have a plain one; code and links' targets are not."""
    prose = URL.sub("", LINK.sub(r"\1", FENCE.sub("", text)))
    return [f"{word}: {PLAIN[word.lower()]}" for word in UNPLAIN.findall(CODE_SPAN.sub("", prose))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_written_in_plain_words(page: Path) -> None:
    assert unplain(page.read_text("utf-8")) == []


def test_there_are_pages_to_read_and_words_to_avoid() -> None:
    assert len(PAGES) > 35
    assert len(PLAIN) > 20


@pytest.mark.parametrize("word", PLAIN)
def test_each_of_the_words_is_found(word: str) -> None:
    assert unplain(f"The gateway {word} it.\n```text\nnothing\n```\n") == [f"{word}: {PLAIN[word]}"]


@pytest.mark.parametrize(
    "text",
    [
        "`client: lean` is an old value",
        "```sh\nwhatever\n```",
        "[`test_the_answer`](../tests/lean.py) and https://example.com/lean",
        "a clean legend of an airplane; answer an alert",
    ],
)
def test_code_links_and_other_words_are_not(text: str) -> None:
    assert unplain(text) == []
