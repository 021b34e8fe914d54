"""The files of requirements/, as pip reads them: a pin a package, with the hashes of its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
RUNTIME: Final = ROOT / "requirements" / "runtime.txt"
KAFKA: Final = ROOT / "requirements" / "kafka.txt"
"""What `EXTRAS=kafka` adds to the image."""
BUILD: Final = ROOT / "requirements" / "build.txt"
CONSTRAINTS: Final = ROOT / "constraints.txt"
PIN: Final = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)(?: ; ([^\\]+?))?((?: --hash=\S+)*)")
HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    """A package, its version, and how many of its files may be installed."""

    name: str
    version: str
    hashes: int


def normal(name: str) -> str:
    """Return the name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, Pin]:
    """Return the pins of a file by normal name.

    Raises ValueError for a line that is not a pin alone: an option, an address, an open version, a
    hash that is not SHA-256, a package that is there twice.
    """
    found: dict[str, Pin] = {}
    for line in _lines(path.read_text("utf-8")):
        match = PIN.fullmatch(line)
        hashes = (match[4] or "").split() if match else []
        if not match or not all(HASH.fullmatch(each) for each in hashes):
            raise ValueError(f"{path.name}: not a pin: {line}")
        pin = Pin(normal(match[1]), match[2], len(hashes))
        if pin.name in found:
            raise ValueError(f"{path.name}: there twice: {pin.name}")
        found[pin.name] = pin
    return found


def _lines(text: str) -> list[str]:
    joined = re.sub(r" *\\\n *", " ", text).splitlines()
    return [line.strip() for line in joined if line.strip() and not line.startswith("#")]
