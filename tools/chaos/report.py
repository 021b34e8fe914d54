"""The result as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from tools.chaos import trace
from tools.chaos.doubles import cause_of_double

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.chaos.checks import Result
    from tools.chaos.plan import Plan
    from tools.chaos.run import Outcome

_SHOWN: Final = 10


def table(plan: Plan, outcome: Outcome, result: Result) -> str:
    """Return the run as text."""
    return "\n".join(_lines(plan, outcome, result))


def as_json(plan: Plan, outcome: Outcome, result: Result) -> dict[str, Any]:
    """Return the table's figures, all violations, and a trace of each message with two 2xx."""
    evidence = outcome.evidence
    doubled = [
        history for history in evidence.histories if cause_of_double(history, evidence) is not None
    ]
    return {
        "plan": asdict(plan),
        "good": not result.violations,
        "result": asdict(result),
        "faults": outcome.faults,
        "responses": _responses(outcome),
        "doubles": {trace.title(history): trace.lines(history, evidence) for history in doubled},
        "actions": outcome.actions,
        "seconds_waited_for_a_core": round(_waited(outcome), 1),
        "seconds_to_settle": round(outcome.seconds_to_settle, 1),
    }


def _lines(plan: Plan, outcome: Outcome, result: Result) -> Iterator[str]:
    mode = "calm" if plan.calm else "chaos"
    yield f"{mode}, seed {plan.seed}: {plan.seconds:g} s, {plan.rate:g}/s, {plan.replicas} replicas"
    yield from _rows("faults of SQS", {k: sum(n.values()) for k, n in outcome.faults.items()})
    yield from _rows("responses of services", _responses(outcome))
    yield from _rows("actions", outcome.actions)
    yield from _rows("result", _numbers(outcome, result))
    for name, found in result.violations.items():
        yield f"\nVIOLATED: {name}: {len(found)}"
        yield from (f"  {line}" for line in found[:_SHOWN])
    yield f"\n{'VIOLATED' if result.violations else 'good'} (seed {plan.seed})"


def _rows(title: str, numbers: Mapping[str, object]) -> Iterator[str]:
    if not numbers:
        return
    yield f"\n{title}"
    for name, number in numbers.items():
        yield f"  {name.replace('_', ' '):44} {number:>10}"


def _responses(outcome: Outcome) -> dict[str, int]:
    given = Counter(d.response for found in outcome.evidence.deliveries.values() for d in found)
    return dict(given.most_common())


def _waited(outcome: Outcome) -> float:
    return sum(seconds for _, seconds in outcome.evidence.waits)


def _numbers(outcome: Outcome, result: Result) -> dict[str, object]:
    explained = {f"doubled: {cause}": n for cause, n in sorted(result.doubled.items()) if cause}
    return {
        "messages": result.messages,
        "deliveries": result.deliveries,
        "messages with a 2xx or in a version's queue": result.acked,
        "of these in a version's queue": result.queued,
        "messages dead-lettered": result.dead_lettered,
        "lost": len(result.lost),
        "deleted without proof": len(result.unproven),
        "doubled without a cause": len(result.unexplained),
        "doubled with a cause": sum(explained.values()),
        **explained,
        "out of order in a group": len(result.out_of_order),
        "to a version that it is not pinned to": len(result.crossed),
        "overlaps in a group": len(result.overlaps),
        "worst receive count": result.worst_receive_count,
        "of a message of": result.received_most.partition(" ")[0],
        "seconds that replicas waited for a core": f"{_waited(outcome):.1f}",
        "seconds to settle": f"{outcome.seconds_to_settle:.1f}",
    }
