"""Real auto-instrumentation of two languages: fetched once into .venv/tools, never committed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from gateway.demo.opentelemetry.node import NoNodeError, find_node
from tests.chart.tools import ToolMissingError, _placed, _run, install_packages

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE: Final = Path(__file__).with_name("service.py")
EXPORT_NOTHING: Final = {
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}
PYTHON: Final = {
    "0.66b1": ("boto3==1.44.8", "flask==3.1.3", "opentelemetry-distro==0.66b1"),
    # The last that calls the attribute `otel.baggage`.
    "0.33b0": ("boto3==1.44.8", "flask==2.2.5", "werkzeug==2.2.3", "opentelemetry-distro==0.33b0"),
}
PKG_RESOURCES: Final = "setuptools<81"  # 0.33b0 imports what later ones no longer have
INSTRUMENTATIONS: Final = ("boto3sqs", "flask")


@dataclass(frozen=True)
class Kit:
    """How a service starts with auto-instrumentation, and the attribute that it then sends."""

    command: tuple[str, ...]
    settings: Mapping[str, str]
    attribute: str = "baggage"


def node() -> Kit:
    """Return the demo's service in Node; skips where Node or its packages are missing."""
    try:
        found = asyncio.run(find_node())
    except NoNodeError as error:
        pytest.skip(f"OpenTelemetry for Node: {str(error)[:200]}")
    return Kit((str(found.program), *found.command()), found.settings(instrumented=True))


def python(version: str) -> Kit:
    """Return a service in Python, instrumented in that version; skips where it cannot be had."""

    def unpack(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
        pins = [f"opentelemetry-instrumentation-{name}=={version}" for name in INSTRUMENTATIONS]
        packages = (*PYTHON[version], *pins, PKG_RESOURCES)
        install_packages("--python", folder / "bin/python", *packages)

    try:
        place = _placed(f"python-opentelemetry-{version}", unpack)
    except (ToolMissingError, subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"OpenTelemetry for Python {version}: {str(error)[:200]}")
    # The folder was renamed after its scripts were written, so Python is named each time.
    own = str(place / "bin/python")
    command = (own, str(place / "bin/opentelemetry-instrument"), own, str(SERVICE))
    attribute = "otel.baggage" if version == "0.33b0" else "baggage"
    return Kit(command, EXPORT_NOTHING, attribute)
