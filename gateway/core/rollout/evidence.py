"""What has been seen of a canary beside stable, as sums of logarithms.

Each entry grows by a term for each block or message, so the evidence of several replicas is the
sum of theirs. `exp` of an entry is a likelihood ratio against one alternative; a weighted mean of
those that belong together is an e-process. Its mean is at most 1 while the null hypothesis holds,
at every moment, so that it exceeds 1/a with probability a at most, however often it is looked at
(Ville's inequality).

Sources: Turner, Ly, Grünwald, arXiv 2106.02693 (two by two blocks); Waudby-Smith, Ramdas,
arXiv 2010.09686 (betting on bounded means); Shin, Ramdas, Rinaldo, arXiv 2203.03532 (restarts).
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.core.rollout.pairing import Block

ODDS: Final = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 300.0)
"""How many times likelier the canary fails, as alternatives to "alike"."""

ODDS_PRIOR: Final = (0.1, 0.1, 0.1, 0.1, 0.15, 0.15, 0.15, 0.15)
BETS: Final = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Stakes against "worse by the margin or more"."""

LIMIT_FACTORS: Final = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
"""How many times above the limit the canary fails, as alternatives to "within the limit"."""

MIN_LIMIT: Final = 1e-4
"""A smaller limit is tested as this one: a single failure would prove any excess of 0."""

COUNTS: Final = (
    "blocks",
    "canary_messages",
    "canary_failed",
    "canary_slow",
    "stable_messages",
    "stable_failed",
    "stable_slow",
)
_WORSE_FAILURES: Final = slice(len(COUNTS), len(COUNTS) + len(ODDS))
_WORSE_SLOW: Final = slice(_WORSE_FAILURES.stop, _WORSE_FAILURES.stop + len(ODDS))
_FINE_FAILURES: Final = slice(_WORSE_SLOW.stop, _WORSE_SLOW.stop + len(BETS))
_FINE_SLOW: Final = slice(_FINE_FAILURES.stop, _FINE_FAILURES.stop + len(BETS))
_OVER_LIMIT: Final = slice(_FINE_SLOW.stop, _FINE_SLOW.stop + len(LIMIT_FACTORS))
LENGTH: Final = _OVER_LIMIT.stop


class Evidence:
    """The sums, or the difference of two of them. `margin` and `limit` are ratios, 0..1."""

    __slots__ = ("_limit", "_margin", "values")

    def __init__(
        self, margin: float, limit: float | None = None, values: Iterable[float] = ()
    ) -> None:
        self._margin = margin
        self._limit = limit
        self.values = list(values) or [0.0] * LENGTH
        if len(self.values) != LENGTH:
            raise ValueError(f"evidence has {LENGTH} numbers, not {len(self.values)}")

    def count(self, messages: int, failed: int, slow: int, *, canary: bool) -> None:
        """Count messages of one side, and test the canary's against the limit."""
        values = self.values
        first = 1 if canary else 4
        values[first] += messages
        values[first + 1] += failed
        values[first + 2] += slow
        if canary and self._limit is not None:
            for times, terms in (
                (messages - failed, limit_terms(self._limit, failed=False)),
                (failed, limit_terms(self._limit, failed=True)),
            ):
                _add(values, _OVER_LIMIT, terms, times)

    def compare_good(self, blocks: int) -> None:
        """Add the terms of blocks in which all is good: their sizes do not matter."""
        terms = bet_terms(self._margin, 0.0)
        self.values[0] += blocks
        _add(self.values, _FINE_FAILURES, terms, blocks)
        _add(self.values, _FINE_SLOW, terms, blocks)

    def compare(self, block: Block) -> None:
        """Add the terms of one block."""
        values = self.values
        values[0] += 1
        canary, stable = block.canary_failed, block.stable_failed
        if canary + stable:
            terms = odds_terms(block.canaries, canary, block.stables, stable)
            _add(values, _WORSE_FAILURES, terms)
        difference = canary / block.canaries - stable / block.stables
        _add(values, _FINE_FAILURES, bet_terms(self._margin, difference))
        canary, stable = block.canary_slow, block.stable_slow
        if canary + stable:
            terms = odds_terms(block.canaries, canary, block.stables, stable)
            _add(values, _WORSE_SLOW, terms)
        difference = canary / block.canaries - stable / block.stables
        _add(values, _FINE_SLOW, bet_terms(self._margin, difference))


def worse(values: Sequence[float], since: Sequence[float], *, slow: bool = False) -> float:
    """Return the e-value of "the canary is worse than stable" between two sums."""
    place = _WORSE_SLOW if slow else _WORSE_FAILURES
    grown = zip(ODDS_PRIOR, values[place], since[place], strict=True)
    return sum(prior * _exp(now - then) for prior, now, then in grown)


def fine(values: Sequence[float], since: Sequence[float], *, slow: bool = False) -> float:
    """Return the e-value of "the canary is not worse by the margin" between two sums."""
    place = _FINE_SLOW if slow else _FINE_FAILURES
    grown = zip(values[place], since[place], strict=True)
    return sum(_exp(now - then) for now, then in grown) / len(BETS)


def over_limit(values: Sequence[float], since: Sequence[float]) -> float:
    """Return the e-value of "the canary fails more often than the limit" between two sums."""
    grown = zip(values[_OVER_LIMIT], since[_OVER_LIMIT], strict=True)
    return sum(_exp(now - then) for now, then in grown) / len(LIMIT_FACTORS)


@lru_cache(maxsize=4096)
def odds_terms(
    canaries: int, canary_failed: int, stables: int, stable_failed: int
) -> tuple[float, ...]:
    """Return the log likelihood ratios of a block, given how many of it failed.

    Under the null hypothesis which of the messages failed is a draw without replacement, so drift,
    outages that both share, and the shares drop out. Nothing follows where all failed, or none.
    """
    share = (canary_failed + stable_failed) / (canaries + stables)
    if canaries == 1:
        return tuple(canary_failed * log(odds) - log(1 + (odds - 1) * share) for odds in ODDS)
    spared = 1 - stable_failed  # the one stable message is not among those that failed
    return tuple(spared * log(odds) - log(odds * (1 - share) + share) for odds in ODDS)


@lru_cache(maxsize=4096)
def bet_terms(margin: float, difference: float) -> tuple[float, ...]:
    """Return the log gains of bets that the canary's ratio is less than `margin` above stable's."""
    return tuple(log(1 + bet * (margin - difference)) for bet in BETS)


@lru_cache(maxsize=64)
def limit_terms(limit: float, *, failed: bool) -> tuple[float, ...]:
    """Return the log likelihood ratios of one message against a failure ratio of `limit`."""
    limit = max(limit, MIN_LIMIT)
    ratios = [min(limit * factor, (1 + limit) / 2) for factor in LIMIT_FACTORS]
    if failed:
        return tuple(log(ratio / limit) for ratio in ratios)
    return tuple(log((1 - ratio) / (1 - limit)) for ratio in ratios)


def _add(values: list[float], place: slice, terms: Sequence[float], times: int = 1) -> None:
    for at, term in enumerate(terms, place.start):
        values[at] += times * term


def _exp(exponent: float) -> float:
    return exp(min(exponent, 700.0))  # beyond it, a float is infinite
