"""A body can make no configured JMESPath take long or make much, and costs its own size to hold."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.functions import Functions

from gateway.core.routing import jmespath_search
from gateway.core.routing.decider import decide
from gateway.core.routing.jmespath_search import MAX_STEPS, Search, SearchLimitExceeded
from gateway.core.routing.rules import Present
from gateway.core.routing.sources import FromBody
from tests.builders import message, route, rule, where
from tools.fuzz.routing_file import counted

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
MANY = json.dumps([{"x": 1, "t": "a"}] * 4_000)
FEW_STEPS = 5_000
CALLS_OF_A_STEP = 20

EXPENSIVE = {
    "a condition on each of many": ("[?x == `2`]", MANY),
    "many steps for each of many": ("[*].[x, t, x][] | length(@)", MANY),
    "a function on each of many": ("map(&to_string(@), @) | length(@)", MANY),
    "sorting many": ("sort_by(@, &to_string(x)) | [0].x", MANY),
    "a separator out of the body": (
        "join(g, l)",
        json.dumps({"g": "x" * (MIB // 2), "l": [""] * 100_000}),
    ),
    "one separator, many times": ("join(g, l)", json.dumps({"g": "x" * 1_000, "l": [""] * 9_000})),
    "lists of itself, flattened": (" | ".join(["[@, @][]"] * 24), "[1]"),
    "lists of itself, as text": (" | ".join([*["[@, @]"] * 24, "to_string(@)"]), "1"),
    "one long text in lists of itself": (
        " | ".join([*["[@, @]"] * 8, "to_string(@)"]),
        json.dumps("x" * MIB),
    ),
    "objects of itself, compared": (
        " | ".join([*["{a: @, b: @}"] * 24, "[@, @] | [0] == [1] | to_string(@)"]),
        "1",
    ),
    "copies of a long list": (f"[{', '.join(['@[:]'] * 50)}] | length(@)", MANY),
    "text escaped again and again": (
        " | ".join([*["[to_string(@)]"] * 40, "to_string(@)"]),
        '"\\""',
    ),
}


@pytest.mark.parametrize(("path", "body"), EXPENSIVE.values(), ids=EXPENSIVE)
def test_what_would_take_too_much_finds_nothing(
    path: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work is counted in calls and what is made in bytes: a clock would measure the machine."""
    monkeypatch.setattr(jmespath_search, "MAX_STEPS", FEW_STEPS)
    source, taken = FromBody(path), message(body)
    assert taken.json is not None
    (found, calls), peak = traced(lambda: counted(lambda: source.read(taken)))
    assert found is None
    assert calls < CALLS_OF_A_STEP * FEW_STEPS
    assert peak < 8 * MIB


def traced(act: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a function returns and how many bytes it had at most."""
    tracemalloc.start()
    try:
        return act(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_library_alone_would_take_it() -> None:
    """The bodies above are expensive indeed; this is the smallest of them."""
    path, body = EXPENSIVE["one separator, many times"]
    assert len(jmespath.search(path, json.loads(body))) > 8 * MIB


def test_a_search_that_was_too_much_leaves_its_successor_all_its_steps() -> None:
    search = Search("[?x == `2`] | length(@)")
    with pytest.raises(SearchLimitExceeded):
        search.find([{"x": 1}] * MAX_STEPS)
    assert search.find([{"x": 2}]) == 1


def test_the_steps_add_up_over_the_whole_search() -> None:
    """20,000 of a list are looked through by one condition; by ten in a row they are not."""
    body, condition = json.dumps([{"x": 1}] * 20_000), "[?x == `1`]"
    assert FromBody(f"{condition} | length(@)").read(message(body)) == "20000"
    assert FromBody(f"{condition * 10} | length(@)").read(message(body)) is None


def test_a_path_to_a_value_may_lead_into_the_largest_body() -> None:
    body = json.dumps({"customer": {"id": 7}, "padding": ["x" * 10] * 70_000})
    assert FromBody("customer.id").read(message(body)) == "7"
    assert FromBody("length(padding)").read(message(body)) == "70000"
    assert FromBody("padding[-1]").read(message(body)) == "x" * 10


PATHS = [
    "a", "a.b", "a[0]", "a[-1].b", "a[::2]", "a[]", "a[].b[]", "a[*].b", "*.b", "a.*", "@", "*",
    "[a, b]", "{x: a, y: b}", "[@, @][]", "a || b", "a && b", "!a", "a == b", "a != `1`", "a < b",
    "a[?b].a", "a[?b == `1`] | [0]", "a | b", "length(@)", "keys(@)", "values(@)", "type(a)",
    "to_string(@)", "to_number(a)", "to_array(a)", "not_null(a, b)", "sort(a)", "sort_by(a, &b)",
    "max(a)", "min_by(a, &b)", "max_by(a, &b)", "sum(a)", "avg(a)", "abs(a)", "ceil(a)", "floor(a)",
    "reverse(a)", "join(a, b)", "join(',', a)", "contains(a, b)", "starts_with(a, b)",
    "ends_with(a, b)", "map(&b, a)", "merge(a, b)", "min(a)", "`[1]`[0]", "'raw'", "a.length(@)",
    "[*].[a, b][] | [?@]", "no_such(a)", "length(a, b)",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(width=16)
    | st.text("ab,", max_size=3)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=20,
)


@given(path=st.sampled_from(PATHS), value=VALUES)
def test_within_the_bound_a_search_is_the_library_s(path: str, value: Any) -> None:
    def found(search: Callable[[], Any]) -> str:
        try:
            return repr(search())
        except Exception as error:  # noqa: BLE001 - both fail alike
            return repr(type(error))

    assert found(lambda: Search(path).find(value)) == found(lambda: jmespath.search(path, value))


def test_every_function_of_the_library_was_looked_at() -> None:
    """One that makes more than it is given, as `join` does, has to be paid for: see `searching`."""
    assert set(Functions.FUNCTION_TABLE) == {
        "abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map",
        "max", "max_by", "merge", "min", "min_by", "not_null", "reverse", "sort", "sort_by",
        "starts_with", "sum", "to_array", "to_number", "to_string", "type", "values",
    }  # fmt: skip


def test_every_step_of_the_library_was_looked_at() -> None:
    """What copies a list or holds a value twice is overridden; all else hands on what there is."""
    steps = {name for name in dir(jmespath_search._LimitedInterpreter) if name.startswith("visit_")}
    assert {name for name in steps if name in vars(jmespath_search._LimitedInterpreter)} == {
        "visit_flatten", "visit_slice", "visit_multi_select_list", "visit_multi_select_dict",
        "visit_function_expression",
    }  # fmt: skip
    assert len(steps) == 22


def test_a_message_in_flight_costs_its_text_and_not_its_parsed_body() -> None:
    """A body of empty objects takes 25 times its size once parsed, and 200 may be in hand."""
    taken = message("[" + ",".join(["{}"] * (MIB // 3)) + "]")
    asks = where(FromBody("nothing"), Present())
    tracemalloc.start()
    try:
        decision = decide(taken, route(rules=(rule(route().stable, asks),)))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert decision.reason == "default"
    assert peak > 10 * MIB
    assert held < MIB // 10
    assert taken.is_json
