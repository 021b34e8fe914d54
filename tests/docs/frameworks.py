"""Frameworks that examples of the docs run on: fetched once into .venv/tools, never committed."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.chart.tools import ToolMissingError, _placed, _run, install_packages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FASTAPI: Final = ("fastapi==0.165.0", "uvicorn==0.54.0")
EXPRESS: Final = "express@5.3.0"
SPRING: Final = (
    "libspring-aop-java",
    "libspring-beans-java",
    "libspring-context-java",
    "libspring-core-java",
    "libspring-expression-java",
    "libspring-test-java",
    "libspring-web-java",
    "libspring-web-servlet-java",
    "libservlet-api-java",
    "libjackson2-annotations-java",
    "libjackson2-core-java",
    "libjackson2-databind-java",
    "libcommons-logging-java",
    "libhamcrest-java",
)


def fastapi() -> Path:
    """Return a folder for PYTHONPATH; skips the test where FastAPI cannot be had."""
    return _had("FastAPI", "fastapi-0.165.0", _unpack_fastapi)


def express() -> Path:
    """Return a folder with node_modules; skips the test where Node or Express cannot be had."""
    _needs("Express", "node", "npm")
    return _had("Express", "express-5.3.0", _unpack_express)


def spring() -> list[Path]:
    """Return the jars of Spring MVC; skips the test where Java or they cannot be had."""
    _needs("Spring", "java", "javac", "apt-get", "dpkg")
    return sorted(_had("Spring", "spring-debian", _unpack_spring).glob("*.jar"))


def _needs(framework: str, *commands: str) -> None:
    for command in commands:
        if not shutil.which(command):
            pytest.skip(f"{framework}: there is no {command} here")


def _had(framework: str, name: str, unpack: Callable[[Path], None]) -> Path:
    try:
        return _placed(name, unpack)
    except ToolMissingError as error:
        pytest.skip(f"{framework}: cannot be fetched here: {str(error)[:200]}")


def _unpack_fastapi(folder: Path) -> None:
    install_packages("--target", folder, "--only-binary", ":all:", *FASTAPI)


def _unpack_express(folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true}')
    _run(["npm", "install", "--silent", "--no-audit", "--no-fund", EXPRESS], folder)


def _unpack_spring(folder: Path) -> None:
    beside = folder.parent / "debs"
    beside.mkdir()
    _run(["apt-get", "--quiet=2", "download", *SPRING], beside)
    for package in beside.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), "root"], cwd=beside, check=True)
    for jar in (beside / "root/usr/share/java").glob("*.jar"):
        if not jar.is_symlink() or "spring3" in jar.name:
            shutil.copy(jar, folder)
