"""Shares, stickiness and monotony of a split (docs/reference/decisions.md)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.routing.decider import Decider, decide
from gateway.core.routing.sources import FromAttribute
from gateway.core.routing.split import BUCKETS, bucket_of, upper_edges
from tests.builders import CANARY, STABLE, THIRD, message, route, split

ANY_TEXT = st.text(st.characters())  # lone surrogates too
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=6).filter(any)


def bucket_by_the_contract(seed: str, key: str) -> int:
    """Spelled out once more, in another way: nothing of this comes from the core."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(seed.encode("utf-8", "surrogatepass"))
    digest.update(b"\x00")
    digest.update(key.encode("utf-8", "surrogatepass"))
    return int(digest.hexdigest(), 16) % 10_000


@given(seed=ANY_TEXT, key=ANY_TEXT)
def test_a_bucket_is_what_the_contract_says(seed: str, key: str) -> None:
    assert bucket_of(seed, key) == bucket_by_the_contract(seed, key)


@given(WEIGHTS)
def test_an_edge_is_never_further_than_half_a_bucket_from_the_exact_share(
    weights: list[int],
) -> None:
    """Exactly half a bucket only upwards: halves round up."""
    edges = upper_edges(weights)
    exact = [Fraction(BUCKETS * sum(weights[: n + 1]), sum(weights)) for n in range(len(weights))]
    off_by = [edge - share for edge, share in zip(edges, exact, strict=True)]
    assert all(-Fraction(1, 2) < off <= Fraction(1, 2) for off in off_by)


@given(WEIGHTS)
def test_edges_rise_to_the_last_bucket_and_a_weight_of_0_takes_none(weights: list[int]) -> None:
    edges = upper_edges(weights)
    assert list(edges) == sorted(edges)
    assert edges[-1] == BUCKETS
    lower = (0, *edges[:-1])
    assert all(
        low == up for low, up, weight in zip(lower, edges, weights, strict=True) if not weight
    )


@given(WEIGHTS, st.integers(1, 1_000))
def test_only_the_proportion_of_weights_counts(weights: list[int], factor: int) -> None:
    assert upper_edges(weights) == upper_edges([weight * factor for weight in weights])


@pytest.mark.parametrize(
    "weights",
    [
        {"stable": 90, "canary": 10},
        {"stable": 99, "canary": 1},
        {"stable": 1, "canary": 1},
        {"stable": 5, "canary": 3, "third": 2},
    ],
)
def test_shares_converge_to_the_weights(weights: dict[str, int]) -> None:
    """Over 40,000 keys a version's count stays within five standard deviations of its share.

    Chance alone would break that bound once in 1.7 million times; the keys are fixed, so it
    either always holds or never.
    """
    keys = 40_000
    decider = Decider(route(weights, versions=(STABLE, CANARY, THIRD)))
    counts = Counter(
        version.name
        for n in range(keys)
        if (version := decider.decide(message(message_id=f"order-{n}")).version)
    )
    for name, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(counts[name] - keys * share) <= 5 * sqrt(keys * share * (1 - share))


def test_buckets_are_even() -> None:
    """Chi-squared over 100 groups of buckets has 99 degrees of freedom, a deviation of 14.07."""
    keys = 40_000
    groups = Counter(bucket_of("orders", f"order-{n}") // 100 for n in range(keys))
    expected = keys / 100
    chi_squared = sum((groups[n] - expected) ** 2 / expected for n in range(100))
    assert abs(chi_squared - 99) <= 5 * sqrt(2 * 99)


@given(
    key=ANY_TEXT,
    stable=st.integers(0, 1_000),
    canary=st.integers(0, 1_000),
    more=st.integers(0, 1_000),
)
def test_raising_the_canary_only_moves_keys_to_it(
    key: str, stable: int, canary: int, more: int
) -> None:
    assume(stable + canary)
    taken = message(message_id=key)
    before = decide(taken, route({"stable": stable, "canary": canary})).version
    after = decide(taken, route({"stable": stable, "canary": canary + more})).version
    assert (before, after) != (CANARY, STABLE)


@given(stable=st.integers(0, 1_000), canary=st.integers(0, 1_000), less=st.integers(0, 1_000))
def test_no_bucket_leaves_the_canary_when_stable_gets_less(
    stable: int, canary: int, less: int
) -> None:
    """The same from the other side, and for every bucket at once: the canary's edge only rises."""
    assume(canary)
    before = split({"stable": stable, "canary": canary}).edges[0]
    after = split({"stable": max(0, stable - less), "canary": canary}).edges[0]
    assert before <= after


@given(
    key=ANY_TEXT,
    receives=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)),
    times=st.tuples(st.integers(0, 2**45), st.integers(0, 2**45)),
    others=st.tuples(ANY_TEXT, ANY_TEXT),
)
def test_a_decision_never_depends_on_how_often_or_when_a_message_is_received(
    key: str, receives: tuple[int, int], times: tuple[int, int], others: tuple[str, str]
) -> None:
    table = route({"stable": 50, "canary": 50}, sticky=FromAttribute("customer"))
    first, again = (
        message(
            message_id="m-1",
            attributes={"customer": key},
            receive_count=receives[n],
            receipt=others[n],
            sender_id=others[n],
            trace_header=others[n],
            sent_ms=times[n],
            first_received_ms=times[n],
        )
        for n in (0, 1)
    )
    assert decide(first, table) == decide(again, table)


@given(key=ANY_TEXT, weights=st.tuples(st.integers(0, 100), st.integers(1, 100)))
def test_a_table_built_again_decides_alike(key: str, weights: tuple[int, int]) -> None:
    """A reload without a change, or another replica."""
    stable, canary = weights
    one, other = (route({"stable": stable, "canary": canary}) for _ in range(2))
    taken = message(message_id=key)
    assert one == other
    assert decide(taken, one) == decide(taken, other) == decide(taken, one)


ANOTHER_PROCESS = """
import json
from gateway.core.routing.decider import decide
from gateway.core.routing.sources import FromBody
from tests.builders import message, route
table = route({"stable": 60, "canary": 40}, sticky=FromBody("id"))
decisions = [decide(message('{"id": %d}' % n), table) for n in range(300)]
print(json.dumps([[d.version.name, d.reason, d.bucket] for d in decisions]))
"""


def test_another_process_with_another_hash_seed_decides_alike() -> None:
    def decisions(hash_seed: str) -> list[list[object]]:
        answer = subprocess.run(
            [sys.executable, "-c", ANOTHER_PROCESS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
        )
        found: list[list[object]] = json.loads(answer.stdout)
        return found

    one, other = decisions("1"), decisions("2")
    assert one == other
    assert {version for version, _, _ in one} == {"stable", "canary"}
