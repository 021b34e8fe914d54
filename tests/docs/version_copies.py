"""The copies of the version: files that name it, where the release's own number must stand.

The one place is `gateway/__init__.py`; pyproject.toml reads it there. `make generate` writes it
into every file below, and `make check` fails for one that names another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER: Final = r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?"
PLACES: Final = {
    "Dockerfile": (r"(?<=^ARG VERSION=)", r"(?<=sqs-version-gateway:)"),
    "charts/*/Chart.yaml": (
        r"(?<=^version: )",
        r'(?<=^appVersion: ")',
        r"(?<=^    version: )",  # the dependency of the chain on the gateway's chart
        r"(?<=sqs-version-gateway:)",
    ),
    "charts/*/ci/*.yaml": (r"(?<=^  tag: )",),
    "charts/**/*.md": (r"(?<=sqs-version-gateway:)",),
    "config/kustomize/**/*.yaml": (
        r"(?<=app\.kubernetes\.io/version: )",
        r"(?<=sqs-version-gateway:)",
    ),
    "config/kustomize/**/*.md": (r"(?<=sqs-version-gateway:)",),
    "docs/**/*.md": (r"(?<=sqs-version-gateway:)",),
    "README*.md": (r"(?<=sqs-version-gateway:)",),
    "RELEASING.md": (r"(?<=sqs-version-gateway:)", r"(?<=release\.yml@refs/tags/v)"),
}
"""Files, and what stands before a version in them."""


def stamped(root: Path, version: str) -> Iterator[tuple[Path, str]]:
    """Yield each file that names a version, with the text that it has once it names this one."""
    for pattern, places in PLACES.items():
        number = re.compile(rf"(?:{'|'.join(places)}){NUMBER}", re.MULTILINE)
        for path in sorted(root.glob(pattern)):
            text = path.read_text("utf-8")
            if number.search(text):
                yield path, number.sub(version, text)
