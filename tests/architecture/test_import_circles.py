"""No module, and no package at any level, imports another that imports it in turn."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.architecture.import_graph import circles, graph, package_circles, sources

PACKAGE: Final = Path(__file__).parents[2] / "gateway"


def test_there_are_modules_and_imports() -> None:
    edges = graph(sources(PACKAGE))
    assert "gateway.core.routing.version" in edges["gateway.app"]
    assert len(edges) > 100


def test_no_modules_and_no_packages_import_each_other_in_a_circle() -> None:
    edges = graph(sources(PACKAGE))
    assert circles(edges) | package_circles(edges) == set()


PLAIN = {"p.__init__": "", "p.a.__init__": "", "p.b.__init__": "", "p.a.x": "", "p.b.y": ""}


@pytest.mark.parametrize(
    "back",
    [
        "import p.a.x",
        "from p.a import x",
        "from p.a.x import name",
        "def late():\n    from p.a import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a.x import name",
    ],
)
def test_a_planted_circle_of_modules_is_found_wherever_it_is_imported(back: str) -> None:
    planted = graph({**PLAIN, "p.a.x": "import p.b.y", "p.b.y": back})
    assert circles(planted) == {("p.a.x", "p.b.y")}
    assert package_circles(planted) == {("p.a", "p.b")}


def test_a_planted_circle_of_three_is_found_as_one() -> None:
    texts = {"p.__init__": "", "p.a": "import p.b", "p.b": "import p.c", "p.c": "import p.a"}
    assert circles(graph(texts)) == {("p.a", "p.b", "p.c")}


def test_a_planted_circle_of_packages_without_one_of_modules_is_found() -> None:
    texts = {**PLAIN, "p.a.x": "import p.b.y", "p.b.z": "import p.a.w", "p.a.w": ""}
    planted = graph(texts)
    assert circles(planted) == set()
    assert package_circles(planted) == {("p.a", "p.b")}


def test_a_planted_circle_of_deeper_packages_is_found() -> None:
    texts = {"p.q.a.x": "import p.q.b.y", "p.q.b.y": "", "p.q.b.z": "import p.q.a.w", "p.q.a.w": ""}
    assert package_circles(graph(texts)) == {("p.q.a", "p.q.b")}


def test_imports_one_way_are_no_circle() -> None:
    texts = {**PLAIN, "p.a.x": "import p.b.y\nimport p.b", "p.b.y": "import json, os.path"}
    assert circles(graph(texts)) == package_circles(graph(texts)) == set()
