"""The trial as a gateway shows it, and its periods as its history tells them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the history. Weights are the canary's, in per cent."""

    at: float
    by: str
    action: str
    weight: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What `GET /api/routes/{route}/rollout` says."""

    phase: str
    step: int
    weight: float
    since: float
    verdict: str
    reason: str
    history: tuple[Change, ...]

    def last(self, action: str) -> Change | None:
        """Return the newest entry of an action."""
        found = [change for change in self.history if change.action == action]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which the canary had one weight, and how it ended; `until` None: it has not."""

    number: int
    weight: int
    since: float
    until: float | None
    verdict: str
    reason: str


def read_trial(shown: Mapping[str, Any]) -> Trial:
    """Return a trial of its JSON."""
    return Trial(
        phase=shown["phase"],
        step=shown["step"],
        weight=shown["weight"] or 0.0,
        since=_unix(shown["since"]),
        verdict=shown["verdict"],
        reason=shown["reason"],
        history=tuple(
            Change(_unix(each["at"]), each["by"], each["action"], each["to"], each["reason"])
            for each in shown["history"]
        ),
    )


def periods(history: Sequence[Change]) -> Iterator[Period]:
    """Yield the periods of a history, in their order."""
    for number, (change, after) in enumerate(zip(history, [*history[1:], None], strict=True), 1):
        verdict = "" if after is None else _VERDICTS.get(after.action, after.action)
        until, reason = (None, "") if after is None else (after.at, after.reason)
        yield Period(number, change.weight or 0, change.at, until, verdict, reason)


_VERDICTS = {"step": "pass", "promote": "pass"}


def _unix(iso: str | None) -> float:
    return 0.0 if iso is None else datetime.fromisoformat(iso).timestamp()
