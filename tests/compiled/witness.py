"""A pytest plugin: refuses to run where what is tested is not the compiled gateway."""

from __future__ import annotations

import importlib
import json
import os

import pytest

MODULES = "MODULES_THAT_MUST_BE_COMPILED"


def pytest_sessionstart() -> None:
    for name in json.loads(os.environ[MODULES]):
        found = importlib.import_module(name).__file__ or ""
        if not found.endswith((".so", ".pyd")):
            pytest.exit(f"{name} is not compiled: {found}", returncode=pytest.ExitCode.USAGE_ERROR)
