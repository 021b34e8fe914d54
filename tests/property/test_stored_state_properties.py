"""Shared state survives being stored; anything else that is read is torn, and told so in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rollout.contributions import Contributions, add_sums
from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.json_fields import TornStateError
from gateway.core.rollout.judge import Verdict
from gateway.core.rollout.route_state import RouteState, Torn, merge, newer
from gateway.core.rollout.starts import Start
from gateway.core.rollout.state import Entry, RolloutPhase, TrialState
from gateway.core.rollout.stored import (
    StateFile,
    dump_file,
    dump_folded,
    dump_state,
    dump_sums,
    load_file,
    load_folded,
    load_state,
    load_sums,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ANY_TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too
FINITE = st.floats(allow_nan=False, allow_infinity=False)
PERCENT = st.integers(0, 100)
ONE_VALUE = st.tuples(st.integers(0, LENGTH - 1), FINITE)
VALUES = ONE_VALUE.map(lambda each: tuple([0.0] * each[0] + [each[1]] * (LENGTH - each[0])))
COUNT = st.integers(0, 2**53)
STARTS = st.lists(st.builds(Start, st.integers(1, 2**53), VALUES, FINITE), min_size=1, max_size=3)
ENTRY = st.builds(
    Entry, FINITE, ANY_TEXT, ANY_TEXT, st.none() | PERCENT, st.none() | PERCENT, ANY_TEXT
)
TRIAL = st.builds(
    TrialState,
    trial=ANY_TEXT,
    steps_digest=ANY_TEXT,
    bounds_digest=ANY_TEXT,
    phase=st.sampled_from([each for each in RolloutPhase if each is not RolloutPhase.NONE]),
    since=FINITE,
    generation=st.integers(1, 2**53),
    step=COUNT,
    started=st.booleans(),
    reason=ANY_TEXT,
    verdict=st.sampled_from(Verdict),
    p_value=FINITE,
    starts=STARTS.map(tuple),
    evidence_at_step=VALUES,
    aborts=COUNT,
    probing=st.booleans(),
    probe_at=st.none() | FINITE,
    history=st.lists(ENTRY, max_size=3).map(tuple),
)
OVERRIDE = st.dictionaries(ANY_TEXT, st.integers(0, 50), max_size=2)
STATE = st.builds(
    RouteState,
    st.integers(1, 2**53),
    st.none() | PERCENT,
    st.none() | TRIAL,
    st.none() | OVERRIDE,
)
SUMS = st.dictionaries(ANY_TEXT, VALUES, max_size=2)
FILE = st.builds(
    StateFile,
    st.dictionaries(ANY_TEXT, STATE, max_size=2),
    SUMS,
    st.none() | st.builds(Torn, ANY_TEXT),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
LOADERS: list[Callable[[str], Any]] = [load_state, load_sums, load_folded, load_file]


@given(STATE)
def test_a_state_comes_back_as_it_was_stored(state: RouteState) -> None:
    assert load_state(dump_state(state)) == state


@given(SUMS, st.lists(ANY_TEXT, max_size=3).map(tuple))
def test_sums_come_back_to_the_last_digit(sums: Any, replicas: tuple[str, ...]) -> None:
    assert load_sums(dump_sums(sums)) == sums
    assert load_folded(dump_folded(sums, replicas)) == (sums, replicas)


@given(FILE)
def test_a_file_comes_back_as_it_was_stored(content: StateFile) -> None:
    assert load_file(dump_file(content)) == content


def loaded_or_torn(text: str, load: Callable[[str], Any]) -> Any:
    try:
        return load(text)
    except TornStateError as error:
        why = str(error)
    assert why.isprintable()
    assert len(why) < 300
    return None


@given(st.text(max_size=40))
def test_any_text_is_read_or_torn(text: str) -> None:
    for load in LOADERS:
        loaded_or_torn(text, load)


@given(STATE, st.data())
def test_a_state_cut_off_anywhere_is_torn(state: RouteState, choices: st.DataObject) -> None:
    """What a crash in the middle of a write would leave."""
    text = dump_state(state).rstrip("\n")
    cut = choices.draw(st.integers(0, len(text) - 1))
    assert loaded_or_torn(text[:cut], load_state) is None


@given(FILE, JSON, st.data())
def test_any_value_in_any_place_is_read_or_torn(
    content: StateFile, planted: Any, choices: st.DataObject
) -> None:
    """And what is read is what it says: it comes back once more as it is."""
    tree = json.loads(dump_file(content))
    node: Any = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = choices.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or choices.draw(st.booleans()):
            node[key] = planted
            break
        node = node[key]
    found = loaded_or_torn(json.dumps(tree), load_file)
    if found is not None:
        assert load_file(dump_file(found)) == found


@given(STATE, STATE)
def test_of_two_states_one_counts_in_whatever_order_they_come(
    one: RouteState, other: RouteState
) -> None:
    first, second = newer(one, other), newer(other, one)
    assert (first.generation, first.weight) == (second.generation, second.weight)
    assert first.generation == max(one.generation, other.generation)
    if one.generation == other.generation and None not in (one.weight, other.weight):
        assert first.weight == min(one.weight or 0, other.weight or 0)


@given(st.none() | STATE, STATE)
def test_what_is_torn_counts_until_a_state_is_written(
    known: RouteState | None, state: RouteState
) -> None:
    torn = Torn("is empty")
    assert merge(known, torn) == torn
    assert merge(torn, state) == state
    assert merge(torn, None) is None
    assert merge(known, None) == known


SMALL = st.dictionaries(
    st.sampled_from("ab"), st.integers(0, 9).map(lambda each: (float(each),) * LENGTH), max_size=2
)
NAMES = st.sampled_from(["r1", "r2", "r3", "r4"])


@given(st.dictionaries(NAMES, SMALL), st.lists(NAMES), st.lists(NAMES))
def test_folding_changes_no_sum(by_replica: Any, first: list[str], second: list[str]) -> None:
    contributions = Contributions(by_replica)
    folded = contributions.fold(first).fold(second)
    assert folded.total() == contributions.total() == add_sums(by_replica.values())
    assert not set(folded.by_replica) & {*first, *second}


@given(st.dictionaries(NAMES, SMALL, min_size=1))
def test_a_contribution_stored_again_after_it_was_folded_does_not_count_twice(
    by_replica: Any,
) -> None:
    contributions = Contributions(by_replica)
    folded = contributions.fold(by_replica)
    back = Contributions(by_replica, folded.folded, folded.folded_replicas)
    assert back.total() == contributions.total()
    assert back.fold(by_replica).total() == contributions.total()
