"""Whatever is in the file: a routing table, or problems that point into it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.config.loader import load
from gateway.config.problems.problem import Problem, ProblemsFound
from gateway.config.schema.delivery import Fallback, Retry
from gateway.config.schema.rollout import Compare, Rollback, Rollout, Step
from gateway.config.schema.routing_file import Route as StatedRoute
from gateway.config.schema.routing_file import RoutingFile
from gateway.config.schema.rules import Condition, Match, Rule
from gateway.config.schema.version import Version
from gateway.config.yaml.composer import compose

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

EXAMPLES = Path(__file__).parents[3] / "config/examples"
EXAMPLE = EXAMPLES / "everything.yaml"
PARTS = (
    *(RoutingFile, StatedRoute, Version, Rule, Match, Condition, Fallback, Retry),
    *(Rollout, Step, Compare, Rollback),
)
KEYS = sorted({key for part in PARTS for key in part.model_fields})
WORDS = ["stable", "canary", "off", "redrive", "20s", "http://b/", "body:a", "a.fifo", "orders", ""]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
)
keys = st.sampled_from(KEYS) | st.sampled_from(WORDS) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
routes = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(StatedRoute.model_fields, values)), max_size=3
)
yaml_text = st.text(st.sampled_from("ab: -[]{}\"'#&*!|>\n\t%@`?,0.~<\\é\r"), max_size=60)


def check(content: bytes) -> None:
    """Load it; a problem has to point at a line of the file and fit on one line itself."""
    last = max(1, len(content.decode("utf-8", "replace").splitlines()))
    found = outcome(content)
    assert found
    for problem in found:
        if isinstance(problem, Problem):
            assert problem.line is not None
            assert 1 <= problem.line <= last, problem
            assert str(problem).isprintable(), problem
            assert "does not fit here" not in problem.what, problem


def outcome(content: bytes) -> tuple[Route | Problem, ...]:
    try:
        return load(content, "routes.yaml").routes
    except ProblemsFound as found:
        return found.problems


@given(st.binary(max_size=80))
@example(b"routes:\n- \n")
@example(b"routes:")
@example(b"-")
@example(b"\xff\xfe")
@example(b"? [")
@example(b"a: |\n\n\n")
def test_arbitrary_bytes(content: bytes) -> None:
    check(content)


@given(yaml_text)
def test_text_that_looks_like_yaml(text: str) -> None:
    check(text.encode())


@given(yaml_text)
def test_text_that_looks_like_yaml_behind_a_sound_file(text: str) -> None:
    check(EXAMPLE.read_bytes() + text.encode())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(values)
def test_any_structure(value: Any) -> None:
    check(json.dumps(value).encode())
    check(yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace"))


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(routes)
def test_any_values_below_the_right_keys(stated: list[dict[str, Any]]) -> None:
    check(json.dumps({"routes": stated}).encode())


@cache
def full(file: str) -> Any:
    return compose((EXAMPLES / file).read_bytes()).root.value


@cache
def paths(file: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        found.append(path)
        if isinstance(value, dict):
            for key, below in value.items():
                walk(below, (*path, key))
        elif isinstance(value, list):
            for step, below in enumerate(value):
                walk(below, (*path, step))

    walk(full(file), ())
    return found


@pytest.mark.parametrize("file", ["everything.yaml", "rollout.yaml", "follow.yaml"])
@settings(max_examples=200)
@given(data=st.data())
def test_one_value_of_a_full_example_replaced_removed_or_renamed(
    file: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(paths(file)[1:]))
    copy = json.loads(json.dumps(full(file)))
    parent = copy
    for step in path[:-1]:
        parent = parent[step]
    match data.draw(st.sampled_from(["replace", "remove", "rename"])):
        case "replace":
            parent[path[-1]] = data.draw(values)
        case "remove":
            del parent[path[-1]]
        case _ if isinstance(parent, dict):
            parent[data.draw(keys)] = parent.pop(path[-1])
        case _:
            parent.append(parent[path[-1]])
    check(json.dumps(copy, indent=1).encode())


@given(st.data())
def test_some_bytes_of_the_full_example_overwritten_or_cut(data: st.DataObject) -> None:
    content = EXAMPLE.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(start + 40, len(content))))
    check(content[:start] + data.draw(yaml_text).encode() + content[end:])
    check(content[:start])
