"""The sums are e-processes: their mean is at most 1 while a canary is as good as stable."""

from __future__ import annotations

from itertools import combinations
from math import exp, isclose

import pytest

from gateway.core.rollout.evidence import (
    BETS,
    LENGTH,
    LIMIT_FACTORS,
    ODDS,
    ODDS_PRIOR,
    Evidence,
    bet_terms,
    fine,
    limit_terms,
    odds_terms,
    over_limit,
    worse,
)
from gateway.core.rollout.pairing import Block
from gateway.core.rollout.starts import NOTHING

CLEAN = Block(1, 0, 0, 8, 0, 0)


@pytest.mark.parametrize(("canaries", "stables"), [(1, 1), (1, 3), (1, 8), (3, 1), (8, 1)])
def test_given_how_many_failed_the_mean_over_which_ones_is_one(canaries: int, stables: int) -> None:
    """The null hypothesis of the comparison, worked out in full for each block and each odds."""
    messages = canaries + stables
    for failures in range(messages + 1):
        means = [0.0] * len(ODDS)
        draws = list(combinations(range(messages), failures))
        for failed in draws:
            of_canary = sum(each < canaries for each in failed)
            terms = odds_terms(canaries, of_canary, stables, failures - of_canary)
            means = [mean + exp(term) / len(draws) for mean, term in zip(means, terms, strict=True)]
        assert all(isclose(mean, 1.0) for mean in means), (failures, means)


@pytest.mark.parametrize("failed", [0, 9])
def test_nothing_follows_where_none_failed_or_all(failed: int) -> None:
    terms = odds_terms(1, min(failed, 1), 8, max(0, failed - 1))
    assert all(isclose(term, 0.0, abs_tol=1e-12) for term in terms)


@pytest.mark.parametrize("margin", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("stable_ratio", [0.0, 0.01, 0.3])
def test_a_canary_that_is_worse_by_the_margin_never_looks_fine_on_average(
    margin: float, stable_ratio: float
) -> None:
    canary_ratio = stable_ratio + margin
    for at in range(len(BETS)):
        mean = 0.0
        for canary in (0, 1):
            for stable in (0, 1):
                probability = canary_ratio if canary else 1 - canary_ratio
                probability *= stable_ratio if stable else 1 - stable_ratio
                mean += probability * exp(bet_terms(margin, canary - stable)[at])
        assert mean <= 1 + 1e-12


@pytest.mark.parametrize("limit", [0.0, 0.001, 0.02, 0.5, 1.0])
def test_within_the_limit_the_mean_is_at_most_one(limit: float) -> None:
    if limit == 1.0:
        assert all(isclose(term, 0.0, abs_tol=1e-9) for term in limit_terms(limit, failed=True))
        return
    ratio = max(limit, 1e-4)
    failed, good = limit_terms(limit, failed=True), limit_terms(limit, failed=False)
    for bad, fair in zip(failed, good, strict=True):
        assert isclose(ratio * exp(bad) + (1 - ratio) * exp(fair), 1.0)


def test_a_clean_canary_is_fine_after_86_messages() -> None:
    """So the least number of messages that passes a step needs no failure anywhere."""
    evidence = Evidence(0.05)
    for _ in range(85):
        evidence.compare(CLEAN)
    assert fine(evidence.values, NOTHING) < 20
    evidence.compare(CLEAN)
    assert fine(evidence.values, NOTHING) >= 20


def test_before_anything_is_seen_every_test_is_at_one() -> None:
    values = Evidence(0.05, 0.1).values
    assert [worse(values, NOTHING), fine(values, NOTHING), over_limit(values, NOTHING)] == [1.0] * 3
    assert isclose(sum(ODDS_PRIOR), 1.0)
    assert len(LIMIT_FACTORS) == len(limit_terms(0.1, failed=True))


def test_the_evidence_of_two_replicas_adds_up() -> None:
    blocks = [CLEAN, Block(1, 1, 0, 8, 0, 1), Block(1, 0, 1, 8, 2, 0)]
    together = Evidence(0.05, 0.02)
    apart = [Evidence(0.05, 0.02), Evidence(0.05, 0.02)]
    for at, block in enumerate(blocks):
        together.compare(block)
        apart[at % 2].compare(block)
        together.count(1, block.canary_failed, 0, canary=True)
        apart[at % 2].count(1, block.canary_failed, 0, canary=True)
    summed = [one + two for one, two in zip(apart[0].values, apart[1].values, strict=True)]
    assert all(isclose(a, b) for a, b in zip(summed, together.values, strict=True))


def test_many_at_once_are_as_many_one_by_one() -> None:
    at_once, singly = Evidence(0.05, 0.02), Evidence(0.05, 0.02)
    at_once.compare_good(50)
    at_once.count(60, 7, 3, canary=True)
    at_once.count(900, 0, 0, canary=False)
    for at in range(50):
        singly.compare(Block(1, 0, 0, 1 + at % 8, 0, 0))
    for at in range(60):
        singly.count(1, at < 7, at < 3, canary=True)
    for _ in range(900):
        singly.count(1, 0, 0, canary=False)
    pairs = zip(at_once.values, singly.values, strict=True)
    assert all(isclose(a, b, abs_tol=1e-9) for a, b in pairs)


def test_stored_sums_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=str(LENGTH)):
        Evidence(0.05, values=[1.0, 2.0])


def test_a_large_exponent_is_a_large_number_and_no_error() -> None:
    values = [0.0] * LENGTH
    values[7:15] = [5_000.0] * 8
    assert worse(values, NOTHING) > 1e300
