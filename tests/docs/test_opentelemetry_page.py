"""The page on OpenTelemetry names the variables that the demo and the tests run with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.demo.opentelemetry.node import INSTRUMENTATION, INSTRUMENTED
from tests.integration.opentelemetry.kits import EXPORT_NOTHING, INSTRUMENTATIONS, PYTHON

PAGE = Path(__file__).parents[2] / "docs/how-to/opentelemetry-without-code.md"
TEXT = PAGE.read_text("utf-8")


def test_the_pods_variables_for_node_are_those_of_the_demo() -> None:
    (block,) = (part for part in TEXT.split("```yaml\n")[1:] if part.startswith("env:"))
    env = yaml.safe_load(block.split("```")[0])["env"]
    assert {one["name"]: one["value"] for one in env} == INSTRUMENTED


def test_the_first_command_sets_what_is_needed() -> None:
    command = TEXT.split("```")[1]
    for name in ("NODE_OPTIONS", *EXPORT_NOTHING):
        assert name in command


@pytest.mark.parametrize("package", [INSTRUMENTATION.rpartition("@")[0], *INSTRUMENTATIONS])
def test_the_page_names_each_package(package: str) -> None:
    assert package in TEXT


@pytest.mark.parametrize("version", PYTHON)
def test_the_page_names_the_versions_that_the_tests_run(version: str) -> None:
    assert version in TEXT
