"""The gateway as the image has it: built from this tree with its hot path compiled."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

AS_IMAGE: Final = "1"
QUICK: Final = "quick"
"""Values of GATEWAY_COMPILE, which setup.py explains."""


class NotCompiledError(Exception):
    """It cannot be built here; `str()` says why."""


def gateway(root: Path, cache: Path, way: str = AS_IMAGE) -> Path:
    """Return a folder to be put on PYTHONPATH, built anew where the sources have changed.

    Raises NotCompiledError.
    """
    folder = cache / f"compiled-{way}-{_digest(root)}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "compiled.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test workers build it once
        if not folder.exists():
            if shutil.which("cc") is None:
                raise NotCompiledError("there is no C compiler (apt-get install gcc)")
            _build(root, folder, way)
    return folder


def _digest(root: Path) -> str:
    """Return a digest of all sources and of the interpreter that they are compiled for."""
    hashed = sha256(sys.version.encode())
    for path in (root / "setup.py", root / "pyproject.toml", *sorted(root.glob("gateway/**/*.py"))):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def _build(root: Path, folder: Path, way: str) -> None:
    """Build beside it and rename: a folder that exists is complete.

    Without pip, which runs setup.py, and so mypyc, twice. A build that is interrupted leaves no
    process: compilers are started by setup.py itself.
    """
    half = folder.with_name(f"{folder.name}.{os.getpid()}")
    copy = half.with_name(f"{half.name}.src")
    shutil.rmtree(copy, ignore_errors=True)  # of a build that was interrupted in this process
    copy.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, copy)
    shutil.copytree(root / "gateway", copy / "gateway")
    done = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build", "--build-lib", str(half)],
        cwd=copy,
        env={**os.environ, "GATEWAY_COMPILE": way},
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(copy)
    if done.returncode:
        raise NotCompiledError(f"it does not build: {done.stderr.strip()[-1000:]}")
    half.rename(folder)
