"""Says in words what the admin port's JSON says of a route's rollout. Pure.

Steps count from 1 here: the API counts from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rollout = Mapping[str, Any]
    """What `GET /api/routes/{route}/rollout` responds with."""

UNJUDGED: Final = "none"
IDLE: Final = "idle"
PROMOTED: Final = "promoted"
ABORTED: Final = "aborted"
WITHOUT_STEPS: Final = (UNJUDGED, IDLE, PROMOTED)

MOST_ENTRIES: Final = 5
"""How many changes of the history are told."""


def in_force(rollout: Rollout) -> str:
    """Return what is in force as one sentence: weights, phase, step and reason."""
    by_hand = ", set by hand" if rollout["override"] else ""
    weights = weights_in(rollout) or "no weights"
    return printable(f"{rollout['route']}: {weights}{by_hand}; {phase_in(rollout)}")


def phase_in(rollout: Rollout) -> str:
    """Return the phase, the step and the reason: `waiting at step 2 of 5: 3 of 200 messages`."""
    phase, reason = str(rollout["phase"]), str(rollout["reason"])
    if phase == UNJUDGED:
        return reason or "nothing judges this route"
    steps = step_in(rollout, " of ")
    at = f" at step {steps}" if steps and phase not in WITHOUT_STEPS else ""
    return f"{phase}{at}{f': {reason}' if reason else ''}"


def step_in(rollout: Rollout, between: str = "/") -> str:
    """Return the step and their number, `2/5`; empty where there is no rollout."""
    steps = rollout["steps"]
    return f"{rollout['step'] + 1}{between}{len(steps)}" if steps else ""


def weights_in(rollout: Rollout) -> str:
    """Return the weights in force: `canary 5 %, stable 95 %`."""
    weights, stable = rollout["weights"], rollout["stable"]
    named = sorted(weights, key=lambda name: name == stable)  # stable last, else as they come
    return ", ".join(f"{name} {number(weights[name])} %" for name in named)


def number(value: float) -> str:
    """Return a number with at most two decimals."""
    return f"{round(float(value), 2):g}" if abs(value) < 1e6 else f"{value:,.0f}"  # noqa: PLR2004


def ratio(part: float, whole: float) -> str:
    """Return a share in per cent; `-` where there is nothing to take a share of."""
    return f"{number(100 * part / whole)} %" if whole else "-"


def details(rollout: Rollout) -> list[str]:
    """Return the lines below the sentence: since when, the evidence, the limits, the history."""
    pairs = [("since", rollout["since"]), ("deadline", rollout["deadline"])]
    if rollout["phase"] != UNJUDGED:
        pairs += [("revision", rollout["revision"]), ("verdict", rollout["verdict"])]
        pairs += _evidence(rollout["evidence"], " a step" if rollout["steps"] else "")
        pairs.append(("limits", _limits(rollout["limits"] or {})))
    pairs += [("history", _entry(each)) for each in _newest(rollout["history"])]
    pairs += [("problem", each) for each in rollout["problems"]]
    return [printable(f"  {name:<9} {value}") for name, value in pairs if value]


def _evidence(evidence: Mapping[str, Any], each: str) -> list[tuple[str, str]]:
    messages = evidence["messages"]
    least = evidence.get("min_messages")
    wanted = f" (at least {least:,}{each})" if least else ""
    lines = [("messages", f"{_beside(messages)}{wanted}")]
    for name in ("failed", "slow"):
        counts = evidence[name]
        shares = {role: ratio(counts[role], messages[role]) for role in counts}
        lines.append((name, _beside(counts, shares)))
    return [*lines, ("chance", f"{evidence['chance']:.2g}")]


def _beside(counts: Mapping[str, int], shares: Mapping[str, str] | None = None) -> str:
    """Return the counts of canary and stable; the keys are roles, not names."""
    texts = []
    for role in ("canary", "stable"):
        share = f" ({shares[role]})" if shares else ""
        texts.append(f"{role} {counts[role]:,}{share}")
    return ", ".join(texts)


def _limits(limits: Mapping[str, Any]) -> str:
    units = {
        "max_failure_ratio": ("failures at most {} %", 100),
        "max_p99_seconds": ("p99 at most {} s", 1),
        "margin": ("margin {} %", 100),
        "tolerance": ("tolerance {} %", 100),
    }
    return ", ".join(
        text.format(number(times * limits[key]))
        for key, (text, times) in units.items()
        if limits.get(key) is not None
    )


def _newest(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the newest changes, the newest one first."""
    return sorted(history, key=lambda entry: str(entry["at"]), reverse=True)[:MOST_ENTRIES]


def _entry(entry: Mapping[str, Any]) -> str:
    before, after = entry["from"], entry["to"]
    moved = "" if before == after else f" from {_weight(before)} to {_weight(after)}"
    why = f": {entry['reason']}" if entry["reason"] else ""
    return f"{entry['at']} {entry['action']}{moved} by {entry['by']}{why}"


def _weight(weight: float | None) -> str:
    return "-" if weight is None else f"{number(weight)} %"
