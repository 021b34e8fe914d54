"""The checks of a rollout: what it did, how soon, and at what cost. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.demo.audit import Share
    from gateway.demo.rollout.arrivals import Arrival, Arrivals
    from gateway.demo.rollout.trial import Change, Period, Trial

MAX_ROLLBACK_SECONDS: Final = 5.0
MAX_AGAIN: Final = 0.01
EVIDENCE_MESSAGES: Final = 40
KILL_GRACE_SECONDS: Final = 2.0
_COUNTS: Final = re.compile(r"\d+ of [\d,]*\d")


@dataclass(frozen=True, slots=True)
class Row:
    """A period, and what was seen of it: first receives at both and at B1, and failures there."""

    period: Period
    seconds: float
    messages: int
    canary: int
    failed: int
    share: Share


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a gateway that was killed showed after its start, and what the other one showed."""

    killed_at: float
    seconds: float
    before: Trial
    after: Trial
    others: Sequence[Trial]


def order_checks(arrivals: Arrivals, sent: int, killed_at: Sequence[float] = ()) -> Iterator[Check]:
    """Check that no order was lost, none processed twice, and hardly any received twice.

    What a gateway had under way when it was killed may come twice: that is a cause, and counted.
    """
    lost = arrivals.lost(sent)
    yield Check(not lost, "lost", f"{len(lost):,} of {sent:,} orders", lost)
    twice = arrivals.doubled()
    doubled = [
        order for order in twice if not arrivals.under_way(order, killed_at, KILL_GRACE_SECONDS)
    ]
    caused = f"; {len(twice) - len(doubled):,} by a kill" if killed_at else ""
    yield Check(not doubled, "doubled", f"{len(doubled):,} without cause{caused}", doubled)
    again = set(arrivals.received_again())
    failed = again & arrivals.failed_first() if killed_at else again
    share = len(failed) / max(sent, 1)
    text = f"{len(failed):,} of {sent:,} needed a second receive, {share:.2%}; at most"
    caused = f"; {len(again - failed):,} by a kill" if killed_at else ""
    yield Check(share < MAX_AGAIN, "again", f"{text} {MAX_AGAIN:.0%}{caused}")


def rollback_checks(
    abort: Change, in_force_at: float | None, canary: Sequence[Arrival], bad: Sequence[Arrival]
) -> Iterator[Check]:
    """Check how soon weight 0 was in force; `canary` are the first receives at B1, in order."""
    if in_force_at is None:
        yield Check(
            good=False, name="rollback", text="weight 0 was never in force on both gateways"
        )
        return
    bad = [one for one in bad if one.at <= abort.at]
    deciding = max((one.at for one in bad), default=abort.at)
    parts = in_force_at - deciding, in_force_at - abort.at
    text = "weight 0 on both gateways {:.2f} s after the deciding message, {:.2f} s after `at`"
    good = parts[0] <= MAX_ROLLBACK_SECONDS
    yield Check(good, "rollback", f"{text.format(*parts)}; at most {MAX_ROLLBACK_SECONDS:g} s")
    before = [one for one in canary if one.at <= abort.at]
    text = f"{len(before):,} messages of the canary, {len(bad):,} of them bad, until the abort"
    if len(canary) < EVIDENCE_MESSAGES:
        yield Check(good=True, name="evidence", text=f"{text}: before its 40th message")
        return
    late = in_force_at - canary[EVIDENCE_MESSAGES - 1].at
    text += f"; weight 0 {late:.2f} s after its 40th message"
    yield Check(late <= MAX_ROLLBACK_SECONDS, "evidence", text)


def away_check(late: int) -> Check:
    """Check that nothing new went to the canary at weight 0."""
    return Check(not late, "away", f"{late:,} new messages to the canary while its weight was 0")


def log_check(lines: Sequence[Mapping[str, Any]], expected: int) -> Check:
    """Check the lines on rollbacks in both logs: warnings, with the counts."""
    good = len(lines) == expected and all(
        line["level"] == "warning" and _COUNTS.search(line["why"]) for line in lines
    )
    said = "; ".join(line["why"] for line in lines)
    return Check(
        good, "log", f"{len(lines)} warnings on a rollback" + (f": {said}" if said else "")
    )


def metric_check(rollbacks: float, expected: int) -> Check:
    """Check gateway_rollbacks_total over both gateways."""
    return Check(
        rollbacks == expected, "metric", f"gateway_rollbacks_total is {rollbacks:g} over both"
    )


def share_checks(rows: Sequence[Row]) -> Iterator[Check]:
    """Check that each weight shows in the messages."""
    for row in rows:
        if row.messages:
            text = f"{row.share.observed:.1%} of {row.messages:,} messages to the canary"
            yield Check(
                row.share.plausible, "share", f"{text}, whose weight was {row.period.weight} %"
            )


def promoted_check(history: Sequence[Change], steps: Sequence[int]) -> Check:
    """Check that the rollout took every step, in order, to the end."""
    taken = [change.weight for change in history if change.action in ("begin", "step")]
    promoted = bool(history) and history[-1].action == "promote"
    text = f"by the steps {', '.join(f'{weight} %' for weight in taken)}"
    return Check(promoted and taken == list(steps), "promoted", text)


def resumed_check(resumed: Resumed) -> Check:
    """Check that a gateway that was killed went on where the rollout was."""
    before, after = resumed.before, resumed.after
    good = after.step >= before.step and _place(after) in map(_place, resumed.others)
    text = (
        f"kill -9 while {before.phase} at {before.weight:g} % (step {before.step}),"
        f" back {resumed.seconds:.1f} s later: {after.phase} at {after.weight:g} %"
        f" (step {after.step})"
    )
    return Check(good, "resumed", text)


def _place(trial: Trial) -> tuple[object, ...]:
    return trial.phase, trial.step, trial.weight, trial.since, trial.history


def retry_check(good: int, wanted: int) -> Check:
    """Check that a mended canary is on trial again after `retry`."""
    return Check(good >= wanted, "retry", f"{good:,} messages of the mended canary went well")


def stop_check(statuses: Sequence[int]) -> Check:
    """Check how the gateways ended after SIGTERM."""
    said = " and ".join(map(str, statuses))
    return Check(not any(statuses), "gateways", f"stopped by SIGTERM, exit status {said}")
