"""The modules of the gateway that the tests of its words and imports read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[2] / "gateway"


def modules() -> list[Path]:
    """Return every module of the gateway."""
    return sorted(PACKAGE.rglob("*.py"))


def label(path: Path) -> str:
    return str(path.relative_to(PACKAGE))
