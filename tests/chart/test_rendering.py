"""Rendering is the real helm's: what it makes, what it refuses, and what it lints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart import rendering, tools
from tests.chart.plants import tiny_chart

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """
{{- if lt (int .Values.replicas) 1 }}{{ fail "replicas: must be 1 or more" }}{{ end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data:
  replicas: {{ .Values.replicas | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
  keda: {{ .Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject" | quote }}
---
"""
SCHEMA = '{"type": "object", "properties": {"replicas": {"type": "integer"}}}'


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    return tiny_chart(tmp_path / "tiny", TEMPLATE, "replicas: 2", SCHEMA)


def test_objects_are_parsed_and_empty_documents_left_out(chart: Path) -> None:
    (made,) = rendering.render(chart, release="x", namespace="y")
    assert made["metadata"] == {"name": "x", "namespace": "y"}
    assert made["data"] == {
        "replicas": "2",
        "kubernetes": f"v{rendering.KUBE_VERSION}",
        "keda": "true",
    }


def test_later_values_win(chart: Path, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("replicas: 3")
    assert rendering.render(chart, tmp_path / "more.yaml")[0]["data"]["replicas"] == "3"
    made = rendering.render(chart, tmp_path / "more.yaml", sets=["replicas=4"])
    assert made[0]["data"]["replicas"] == "4"


def test_an_error_has_the_words_of_template_and_schema(chart: Path) -> None:
    assert "replicas: must be 1 or more" in rendering.refusal(chart, sets=["replicas=0"])
    assert "got string, want integer" in rendering.refusal(chart, sets=["replicas=two"])


def test_valid_values_are_no_error(chart: Path) -> None:
    with pytest.raises(AssertionError, match="not refused: 1 objects"):
        rendering.refusal(chart)


def test_a_warning_of_the_linter_is_an_error(chart: Path) -> None:
    rendering.lint(chart)
    (chart / "templates" / "bad.yaml").write_text("kind: [")
    with pytest.raises(rendering.RefusedError, match=r"bad\.yaml"):
        rendering.lint(chart)


def test_a_dependency_beside_the_chart_is_rendered_with_it(tmp_path: Path) -> None:
    tiny_chart(tmp_path / "tiny", TEMPLATE, "replicas: 2")
    outer = tiny_chart(tmp_path / "outer", "", "tiny: {replicas: 5}")
    (outer / "Chart.yaml").write_text(
        "{apiVersion: v2, name: outer, version: 1.0.0, dependencies: "
        "[{name: tiny, version: 1.0.0, repository: 'file://../tiny'}]}"
    )
    assert rendering.render(outer)[0]["data"]["replicas"] == "5"
    assert not (outer / "charts").exists()


def test_a_tool_is_fetched_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed fetch leaves nothing that the next would take for the tool."""
    monkeypatch.setattr(tools, "TOOLS", tmp_path)
    fetched: list[Path] = []

    def breaks(folder: Path) -> None:
        (folder / "tool").write_text("half")
        raise tools.ToolMissingError("no network")

    def works(folder: Path) -> None:
        fetched.append(folder)
        (folder / "tool").write_text("whole")

    with pytest.raises(tools.ToolMissingError):
        tools._placed("a-tool-1", breaks)
    for _ in range(2):
        assert (tools._placed("a-tool-1", works) / "tool").read_text() == "whole"
    assert len(fetched) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-tool-1", "a-tool-1.lock"]
