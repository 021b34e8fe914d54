"""What runs: the gateway's version and revision, Python's version, compiled or not."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway import __version__
from gateway.core.routing import decider

if TYPE_CHECKING:
    from collections.abc import Mapping

REVISION: Final = "GATEWAY_REVISION"
"""The variable that an image sets to the commit that it was built from."""


class Build(NamedTuple):
    """The labels of `gateway_build_info`, in their order."""

    version: str
    revision: str
    python: str
    compiled: str


def current_build(environment: Mapping[str, str] = os.environ) -> Build:
    """Return what this process runs."""
    # The hot path is compiled as a whole or not at all: setup.py.
    compiled = not (decider.__file__ or "").endswith(".py")
    return Build(
        version=__version__,
        revision=environment.get(REVISION, "").strip() or "unknown",
        python=platform.python_version(),
        compiled=str(compiled).lower(),
    )
