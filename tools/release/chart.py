"""The chart as it is published: it names the image that was published with it, and its source."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from tools.release.changelog import Section

NAME: Final = "sqs-version-gateway"


class ChartError(Exception):
    """The chart does not have the lines that are filled in."""


def stage(chart: Path, into: Path, image: str, source: str, section: Section) -> Path:
    """Write the chart to be packaged below `into`; returns its folder.

    `image` is the image's name without a tag, `source` the address of the repository.
    """
    folder = into / chart.name
    shutil.copytree(chart, folder, ignore=shutil.ignore_patterns("ci"))
    _fill(folder / "values.yaml", rf"(?<=^  repository: ){NAME}$", image)
    _fill(folder / "Chart.yaml", rf"(?<=image: ){NAME}(?=:)", image)
    _fill(
        folder / "Chart.yaml",
        r"^annotations:$",
        f"{_where(source)}annotations:\n{_changes(section)}",
    )
    return folder


def _fill(file: Path, place: str, value: str) -> None:
    text, count = re.subn(place, lambda _: value, file.read_text("utf-8"), flags=re.MULTILINE)
    if count != 1:
        raise ChartError(f"{file.name}: {place} is there {count} times; once is wanted")
    file.write_text(text, "utf-8")


def _where(source: str) -> str:
    return f"home: {json.dumps(source)}\nsources: [{json.dumps(source)}]\n"


def _changes(section: Section) -> str:
    """Return Artifact Hub's list of changes: https://artifacthub.io/docs/topics/annotations/helm/."""
    lines = [
        f"    - kind: {group.lower()}\n      description: {json.dumps(text, ensure_ascii=False)}"
        for group, text in section.entries()
    ]
    return "  artifacthub.io/changes: |\n" + "\n".join(lines)
