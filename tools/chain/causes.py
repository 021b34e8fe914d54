"""Why an order came to D more than once: what the queues know of its messages. Pure."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    History = Mapping[str, Iterable[Mapping[str, Any]]]
    """Every message that ever was in a queue, by the queue's name, as /_history shows it."""


@dataclass(frozen=True, slots=True)
class Doubles:
    """Orders that arrived more than once, by the queues that handed them out again after a kill.

    `unexplained` came more often than their messages were handed out anew because of a kill.
    """

    by_queues: Mapping[str, int]
    unexplained: tuple[str, ...]

    @property
    def total(self) -> int:
        """The number of orders that arrived more than once."""
        return sum(self.by_queues.values()) + len(self.unexplained)


def explain(arrivals: Mapping[str, int], history: History, kills: Sequence[float]) -> Doubles:
    """Explain each order's second and later arrivals; `kills` are seconds since the epoch."""
    again = _handed_out_again(history, kills)
    by_queues: Counter[str] = Counter()
    unexplained = []
    for order, count in arrivals.items():
        if count > 1 + sum(again[order].values()):
            unexplained.append(order)
        elif count > 1:
            by_queues[" and ".join(again[order])] += 1
    return Doubles(by_queues, tuple(unexplained))


def _handed_out_again(history: History, kills: Sequence[float]) -> Mapping[str, Counter[str]]:
    """Return how often each queue handed out messages of an order anew, as a kill held them up."""
    found: Mapping[str, Counter[str]] = defaultdict(Counter)
    for queue, messages in history.items():
        for message in messages:
            count = sum(_held_up(message["events"], kills))
            if count:
                found[json.loads(message["body"])["order"]][queue] += count
    return found


def _held_up(events: Sequence[Mapping[str, Any]], kills: Sequence[float]) -> Iterable[bool]:
    """Yield for each receive after the first whether a kill lies between it and the one before."""
    received = [event["at"] for event in events if event["what"] == "received"]
    for before, after in itertools.pairwise(received):
        yield any(before <= kill <= after for kill in kills)
