"""No module needs another that needs it, for types neither; nor does a package."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from tests.architecture.rooms import PACKAGE, finished_modules

if TYPE_CHECKING:
    from pathlib import Path

Graph = dict[str, set[str]]


def imports(source: str, known: set[str]) -> set[str]:
    """Return the modules among `known` that a module imports anywhere, `TYPE_CHECKING` included."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= within & known or {node.module}
    return found & known


def module_graph() -> Graph:
    """Return what each module of the gateway imports of it."""
    files = {module_name(path): path for path in finished_modules()}
    return {name: imports(path.read_text("utf-8"), set(files)) for name, path in files.items()}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_graph(modules: Graph, packages: set[str]) -> Graph:
    """Return the same between packages; a module beside them stands for itself."""

    def owner(name: str) -> str:
        parent = name.rpartition(".")[0]
        return parent if parent in packages and parent.count(".") > 1 else name

    graph: Graph = {}
    for name, needed in modules.items():
        graph.setdefault(owner(name), set()).update(map(owner, needed - {name}))
    return {name: needed - {name} for name, needed in graph.items()}


def circle(graph: Graph) -> list[str]:
    """Return one circle of a graph, its first name at both ends; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def packages_of(modules: Graph) -> set[str]:
    return {name.rpartition(".")[0] for name in modules}


def test_no_modules_import_each_other() -> None:
    assert circle(module_graph()) == []


def test_no_packages_import_each_other() -> None:
    """Such as `core/routing` and `core/delivery`."""
    modules = module_graph()
    assert circle(package_graph(modules, packages_of(modules))) == []


def test_the_graph_has_imports_of_every_kind() -> None:
    modules = module_graph()
    assert "gateway.core.routing.rules" in modules["gateway.core.routing.route"]  # for types
    assert "gateway.demo.scenario" in modules["gateway.demo"]  # in a function
    assert "gateway.config.checks.routes" in modules["gateway.config.loader"]  # of a package
    packages = package_graph(modules, packages_of(modules))
    assert packages["gateway.core.delivery"] >= {"gateway.core.routing", "gateway.core.messages"}


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("import gateway.a", {"gateway.a"}),
        ("from gateway.a import x", {"gateway.a"}),
        ("from gateway import a", {"gateway.a"}),
        ("def f():\n    import gateway.a", {"gateway.a"}),
        ("if TYPE_CHECKING:\n    from gateway.a import x", {"gateway.a"}),
        ("import json", set()),
    ],
)
def test_a_planted_import_is_found(planted: str, found: set[str]) -> None:
    assert imports(planted, {"gateway.a", "gateway.b"}) == found


def test_a_planted_circle_of_modules_is_found() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_a_planted_circle_of_packages_is_found() -> None:
    """Though no module of them is in one."""
    modules = {"g.p.q.a": {"g.p.r.b"}, "g.p.r.c": {"g.p.q.d"}, "g.p.r.b": set(), "g.p.q.d": set()}
    assert circle(modules) == []
    assert set(circle(package_graph(modules, {"g.p.q", "g.p.r"}))) == {"g.p.q", "g.p.r"}
