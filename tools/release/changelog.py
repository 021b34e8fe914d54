"""Reads CHANGELOG.md: a section a release, groups of entries in it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

HEADING: Final = re.compile(r"^## (\S+)(?: \((\d{4}-\d{2}-\d{2})\))?$", re.MULTILINE)
GROUP: Final = re.compile(r"^### (.+)$", re.MULTILINE)
GROUPS: Final = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


class ChangelogError(Exception):
    """The changelog does not say what a release needs of it."""


class Section(NamedTuple):
    """What a release is for its users; `date` is empty for what is not released."""

    version: str
    date: str
    text: str

    def entries(self) -> list[tuple[str, str]]:
        """Return the group and the text of each entry, without Markdown's links and marks."""
        parts = GROUP.split(self.text)[1:]
        return [
            (group, LINK.sub(r"\1", line.removeprefix("- ")).replace("`", ""))
            for group, text in zip(parts[::2], parts[1::2], strict=True)
            for line in text.splitlines()
            if line.startswith("- ")
        ]


def sections(text: str) -> list[Section]:
    """Return all sections, newest first."""
    parts = HEADING.split(text)[1:]
    return [
        Section(version, date or "", body.strip())
        for version, date, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def section_of(text: str, version: str) -> Section:
    """Return a release's section; raises ChangelogError where it is missing, undated or empty."""
    for section in sections(text):
        if section.version == version:
            if not section.date:
                raise ChangelogError(
                    f"CHANGELOG.md: {version} has no date: ## {version} (YYYY-MM-DD)"
                )
            if not section.entries():
                raise ChangelogError(f"CHANGELOG.md: {version} has no entries")
            return section
    raise ChangelogError(f"CHANGELOG.md: there is no section ## {version} (YYYY-MM-DD)")
