"""The C parts of the benchmark: compiled at the start; Python takes their place without cc."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


def compiled(name: str, folder: Path, *options: str) -> Path | None:
    """Return the program made of `name`.c, or None where it cannot be made.

    `options` follow the source.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = folder / name
    source = HERE / f"{name}.c"
    made = subprocess.run(
        [compiler, "-O2", "-pthread", "-o", program, source, *options],
        capture_output=True,
        check=False,
    )
    return program if made.returncode == 0 else None


def compiled_with_tls(name: str, folder: Path) -> Path | None:
    """Return the same with TLS, which needs OpenSSL and its headers."""
    return compiled(name, folder, "-DWITH_TLS", "-lssl", "-lcrypto")
