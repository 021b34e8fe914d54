"""The words that are not to be used, as docs/glossary.md lists them."""

from __future__ import annotations

import re
from typing import Final

from tests.docs.generate import ROOT

PAGE: Final = ROOT / "docs" / "glossary.md"
_ROW: Final = re.compile(
    r"^\| (?P<words>`[^|]+`) \| (?P<ours>[^|]+) \| (?P<places>[^|]+) \|$", re.MULTILINE
)
_WORD: Final = re.compile("`([^`]+)`")


def words_to_avoid(place: str, page: str | None = None) -> dict[str, str]:
    """Return our word for each one to avoid in a place: `names` or `text`."""
    text = PAGE.read_text("utf-8") if page is None else page
    return {
        word: row["ours"]
        for row in _ROW.finditer(text)
        if place in row["places"].split(", ")
        for word in _WORD.findall(row["words"])
    }
