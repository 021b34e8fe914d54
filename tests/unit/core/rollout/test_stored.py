"""A state that cannot be used says why, with the place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.rollout.json_fields import TornStateError
from gateway.core.rollout.plan import Plan, Rollout, Step
from gateway.core.rollout.route_state import RouteState, newer
from gateway.core.rollout.starts import NOTHING
from gateway.core.rollout.stored import dump_state, dump_sums, load_file, load_state, load_sums
from gateway.core.rollout.transitions import begin

PLAN = Plan("canary", "http://b1/", "v2", rollout=Rollout((Step(5), Step(100))))
STATE = RouteState(3, 5, begin(PLAN, NOTHING, 1_000.0), {"canary": 20})


def changed(**changes: Any) -> str:
    """The text of a state with other values, by `route__key`."""
    tree = json.loads(dump_state(STATE))
    for path, value in changes.items():
        *folders, last = path.split("__")
        node = tree
        for each in folders:
            node = node[each]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return json.dumps(tree)


def torn(text: str) -> str:
    with pytest.raises(TornStateError) as refused:
        load_state(text)
    return str(refused.value)


def test_a_state_is_one_line_of_json_with_its_version() -> None:
    text = dump_state(STATE)
    assert text.count("\n") == 1
    assert json.loads(text)["version"] == 1
    assert load_state(text) == STATE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("9" * 10_000, "is no JSON"),
        ("[]", "has no version"),
        ("{}", "has no version"),
        ('{"version": 1}', "route is missing"),
        ('{"version": 2, "later": {}}', "is of version 2, and this gateway reads version 1"),
        ('{"version": "1"}', "version: is no whole number from 0 to 9007199254740992"),
        ('{"version": 1, "version": 1}', "a key comes twice"),
        ('{"version": 1, "route": NaN}', "NaN is no finite number"),
        ('{"version": 1, "route": 1e999}', "route: is no object"),
    ],
)
def test_what_is_no_state_says_why(text: str, why: str) -> None:
    assert torn(text) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"route__weight": 101}, "route.weight: is no whole number from 0 to 100"),
        ({"route__weight": True}, "route.weight: is no whole number from 0 to 100"),
        ({"route__weight": 5.0}, "route.weight: is no whole number from 0 to 100"),
        ({"route__generation": 0}, "route.generation: is no whole number from 1 to"),
        ({"route__generation": None}, "route: generation is missing"),
        ({"route__extra": 1}, "route.extra: is not known"),
        ({"route__override": {"a": 60, "b": 60}}, "route.override: is more than 100 in all"),
        ({"route__override": [1]}, "route.override: is no object"),
        ({"route__trial__phase": "over"}, "route.trial.phase: is not one of idle, waiting,"),
        ({"route__trial__started": 1}, "route.trial.started: is not true or false"),
        ({"route__trial__since": "now"}, "route.trial.since: is no finite number"),
        ({"route__trial__since": 10**400}, "route.trial.since: is no finite number"),
        ({"route__trial__reason": 5}, "route.trial.reason: is no text"),
        ({"route__trial__starts": []}, "route.trial.starts: is no list of 1 to 1000 items"),
        ({"route__trial__evidence_at_step": [0.0]}, "evidence_at_step: is no list of 39 to 39"),
        ({"route__trial__starts": [{"number": 1, "values": [None] * 39, "at": 0}]},
         "route.trial.starts[0].values[0]: is no finite number"),
        ({"\x1b[2J" + "k" * 100: 1}, "\\x1b[2J"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named(changes: dict[str, Any], why: str) -> None:
    assert why in torn(changed(**changes))


def test_the_other_texts_are_as_strict() -> None:
    with pytest.raises(TornStateError, match=r"evidence\.orders: is no list of 39 to 39 items"):
        load_sums(dump_sums({"orders": [1.0]}))
    with pytest.raises(TornStateError, match="evidence is missing"):
        load_file('{"version": 1, "routes": {}}')


@pytest.mark.parametrize(
    ("one", "other", "weight"),
    [((2, 50), (1, 0), 50), ((1, 50), (2, 0), 0), ((2, 50), (2, 25), 25), ((2, None), (2, 99), 99)],
)
def test_the_higher_generation_counts_and_then_the_lower_weight(
    one: Any, other: Any, weight: int
) -> None:
    """A weight of the routing file's split is not known here, so any other one is lower."""
    assert newer(RouteState(*one), RouteState(*other)).weight == weight
    assert newer(RouteState(*other), RouteState(*one)).weight == weight


def test_a_change_follows_the_state_before_it() -> None:
    assert replace(STATE, generation=9).follow(STATE).generation == 4
    assert RouteState(7).follow(None).generation == 1
