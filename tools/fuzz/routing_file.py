"""Any bytes as a routing file: a table that holds together, or problems that can be shown."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.http.native_target import USER_AGENT
from gateway.adapters.http.request import RequestHead
from gateway.config import loader
from gateway.config.problems.problem import ProblemsFound
from gateway.config.yaml.composer import MAX_VALUES, compose
from gateway.core.messages.message import Message
from gateway.core.routing.decider import decide
from gateway.core.routing.split import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from gateway.config.problems.problem import Problem
    from gateway.core.routing.route import Route, RoutingTable

CALLS_TO_BEGIN_WITH: Final = 100_000
CALLS_PER_BYTE: Final = 3_000
"""Comparing a misspelt word with 50 known ones takes some 10,000 calls, and a few bytes."""

LONGEST_PROBLEM: Final = 12_000
_LIBRARIES = re.compile(r"pydantic|Input should|Traceback|<class|NoneType|yaml\.|does not fit here")
_PASSWORD = re.compile(r"://[^/?#\s\"]*[^./?#\s\"][^/?#\s\"]*@")


def check(content: bytes) -> None:
    """Load the bytes."""
    outcome, calls = counted(lambda: _outcome(content))
    assert calls <= CALLS_TO_BEGIN_WITH + CALLS_PER_BYTE * len(content), calls
    if isinstance(outcome, ProblemsFound):
        _check_problems(content, outcome.problems)
    else:
        _check_table(outcome)
        assert outcome == loader.load(content, "another name"), "loading is not repeatable"
        _check_without_yaml(content, outcome)


def counted(act: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a function returns and how many calls it made: work, on any machine."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        outcome = act()
    finally:
        sys.setprofile(before)
    return outcome, calls


def _outcome(content: bytes) -> RoutingTable | ProblemsFound:
    try:
        return loader.load(content, "routes.yaml")
    except ProblemsFound as found:
        return found


def _check_problems(content: bytes, problems: tuple[Problem, ...]) -> None:
    last = max(1, len(content.decode(errors="replace").splitlines()))
    assert 1 <= len(problems) <= loader.MAX_PROBLEMS + 1
    assert [problem.line for problem in problems] == sorted(p.line or 0 for p in problems)
    for problem in problems:
        text = str(problem)
        assert 1 <= (problem.line or 0) <= last, text
        assert text.isprintable(), ascii(text)
        assert len(text) <= LONGEST_PROBLEM, len(text)
        assert not _LIBRARIES.search(problem.what), text
        assert not _PASSWORD.search(text), text


def _check_table(table: RoutingTable) -> None:
    assert table.routes
    assert len({route.name for route in table.routes}) == len(table.routes)
    for route in table.routes:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", route.name)
        assert route.stable in route.versions
        assert len({version.tag for version in route.versions}) == len(route.versions)
        for version in route.versions:
            assert bool(version.url) != (version.queue is not None)
            if version.url:  # raises for what cannot be sent
                RequestHead(version.url, version.headers, USER_AGENT)
            assert 0 < version.timeout_seconds < math.inf
            assert version.max_in_flight > 0
        for split in (route.split, *(rule.to for rule in route.rules)):
            if split is not None and hasattr(split, "edges"):
                assert split.edges[-1] == BUCKETS
                assert list(split.edges) == sorted(split.edges)
        _check_decides(route)


def _check_decides(route: Route) -> None:
    message = Message("m-1", '{"a": [1, {"b": "x"}], "customer": {"id": 7}}', group="g")
    decision = decide(message, route)
    assert decision.version is None or decision.version in route.versions
    assert decision == decide(message, route)


def _check_without_yaml(content: bytes, table: RoutingTable) -> None:
    """The values alone say it all: written as JSON, without aliases, they make the same routes."""
    value = compose(content).root.value
    as_json = json.dumps(value).encode()
    if as_json.count(b",") < MAX_VALUES // 2 and len(as_json) < loader.MAX_BYTES:
        assert loader.load(as_json, "routes.json").routes == table.routes
