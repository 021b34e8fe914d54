"""NOTES and values name nothing that is not there: no value, no page, no object, no option."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.chart.notes import notes, notes_and_objects
from tests.chart.rendering import GATEWAY_CHART, ROOT, value_sets
from tests.integration.children import run_gateway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT: Final = (GATEWAY_CHART / "values.yaml").read_text()
VALUES: Final[dict[str, Any]] = yaml.safe_load(TEXT)
COMMENTS: Final = "\n".join(re.findall(r"#(.*)", TEXT))
NOTES: Final = (GATEWAY_CHART / "templates" / "NOTES.txt").read_text()
TEMPLATES: Final = sorted((GATEWAY_CHART / "templates").rglob("*.*"))
PLACE: Final = re.compile(
    rf"(?<![\w./:@-])((?:{'|'.join(VALUES)})(?:\.[a-zA-Z]\w*)+)(?![\w/-])(?<!monitoring\.coreos)"
)
FILES: Final = re.compile(r"(?<![\w./-])((?:docs|config|charts|files|gateway|tests)/[\w./-]*\.\w+)")


def missing(text: str) -> Iterator[str]:
    """Yield the values that a text names and that are not there."""
    for place in PLACE.findall(text):
        found: Any = VALUES
        for step in place.split("."):
            if not isinstance(found, dict) or step not in found:
                if found != {}:  # a map that is free: what is in it is the user's
                    yield place
                break
            found = found[step]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_names_values_that_are_there(path: Path) -> None:
    said = re.findall(r'"([^"{}]*)"', path.read_text())
    said += re.findall(r"(?s)\{\{/\*(.*?)\*/", path.read_text())
    files = {"routes.yaml", "resources.requests.cpu"}
    assert [one for text in said for one in missing(text) if one not in files] == []


def test_the_notes_and_the_values_name_values_that_are_there() -> None:
    files = {"routes.yaml"}
    assert [one for text in (COMMENTS, NOTES) for one in missing(text) if one not in files] == []
    assert [*missing("set hpa.replicas or aws.region, podMonitor.x")] == ["hpa.replicas"]


@pytest.mark.parametrize("path", [*TEMPLATES, GATEWAY_CHART / "values.yaml"], ids=lambda p: p.name)
def test_the_files_that_are_named_are_there(path: Path) -> None:
    """In the repository, or in the chart."""
    for name in FILES.findall(path.read_text()):
        assert (ROOT / name).exists() or (GATEWAY_CHART / name).exists(), name


@pytest.mark.parametrize(
    "values", [None, *value_sets(GATEWAY_CHART)], ids=lambda p: p.stem if p else "values"
)
def test_the_notes_name_objects_that_are_there(values: Path | None) -> None:
    said, objects = notes_and_objects(*([values] if values else []))
    names = {(one["kind"].lower(), one["metadata"]["name"]) for one in objects}
    found = set(re.findall(r"\b(deployment|service|serviceaccount)/([a-z0-9-]+)", said))
    assert found
    assert found <= names
    accounts = {name for kind, name in names if kind == "serviceaccount"}
    assert set(re.findall(r"service account (\S+)\.", said)) <= accounts
    assert "{{" not in said
    assert "%!" not in said


def test_the_commands_of_the_notes_are_the_gateway_s() -> None:
    """Its parser takes them."""
    (line,) = re.findall(r"python -m gateway (.*)", notes([]))
    words = shlex.split(line)
    assert run_gateway(*words, "--help").returncode == 0
    assert run_gateway(words[0], "--nonsense").returncode == 2


def test_what_was_left_out_is_said() -> None:
    sets = ["monitoring.serviceMonitor.enabled=true", "keda.enabled=true", "aws.region=eu-west-1"]
    said = notes(sets, versions=())
    for place, kind in (("monitoring.serviceMonitor", "ServiceMonitor"), ("keda", "ScaledObject")):
        assert f"WARNING: {place}.enabled is true, but the cluster does not know" in said
        assert f"the kind {kind} of " in said
    assert "does not know" not in notes(sets)
