"""The output of a rollout: a picture, each change as it comes, and a table of the periods."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.demo.addresses import Addresses
    from gateway.demo.output import Output
    from gateway.demo.rollout.checks import Row
    from gateway.demo.rollout.plan import TrialPlan
    from gateway.demo.rollout.trial import Change

PICTURE: Final = """\
                        +-> gateway   --+   stable  +-> B
  orders --> SQS -------+               +-----------+
                        +-> gateway 2 --+   canary  +-> B1
                               |
                     ConfigMap and Lease

  {trouble}. Steps: {steps} %, {rate:,} orders a second.
"""

PLACES: Final = (
    ("gateway", "/api/routes/orders/rollout"),
    ("gateway 2", "/api/routes/orders/rollout"),
    ("B", "/seen?from=0"),
    ("B1", "/seen?from=0"),
)

ROW: Final = "  {:>6} {:>7} {:>8} {:>9} {:>7} {:>8} {:>7}  {:<8} {}"
HEADINGS: Final = (
    "period", "weight", "seconds", "messages", "share", "canary", "failed", "verdict", "reason"
)  # fmt: skip

LEGEND: Final = """
  messages, share: while both gateways had the weight in force; canary, failed: of the whole period
"""
REASON_COLUMNS: Final = 60


class TrialOutput:
    """Prints what only a rollout has, in ASCII; `common` prints the rest."""

    picture = PICTURE
    places = PLACES

    def __init__(self, common: Output) -> None:
        self.common = common
        self._began = time.time()

    def environment(self, addresses: Addresses, plan: TrialPlan) -> None:
        """Print the picture, what is in store for the canary, and where to look."""
        steps = ", ".join(map(str, plan.steps))
        self.common.line(
            self.picture.format(trouble=plan.trouble.words, steps=steps, rate=plan.rate)
        )
        for name, path in self.places:
            usual = addresses.moved().get(name)
            taken = f" ({usual} is taken)" if usual else ""
            self.common.line(f"  {name:<10} {addresses.url(name, path)}{taken}")
        self.common.line()
        self._began = time.time()

    def change(self, change: Change) -> None:
        """Print a change of the rollout as it comes."""
        weight = "" if change.weight is None else f"{change.weight} %"
        reason = f": {change.reason}" if change.reason else ""
        self._moment(change.at, f"{change.action:<8} {weight:>5}  by {change.by}{reason}")

    def note(self, text: str) -> None:
        """Print what the demo does."""
        self._moment(time.time(), text)

    def table(self, rows: Sequence[Row]) -> None:
        """Print a row for each period."""
        self.common.line("\n" + ROW.format(*HEADINGS), "bold")
        for row in rows:
            style = {"pass": "green", "abort": "red"}.get(row.period.verdict, "")
            self.common.line(ROW.format(*_cells(row)).rstrip(), style)
        self.common.line(LEGEND)

    def end(self, plan: TrialPlan, *, good: bool) -> None:
        """Print whether every check passed."""
        if not good:
            self.common.line("\nFAIL: not all of this held, see above", "bold red")
        elif plan.is_bad:
            self.common.line("\nPASS: the bad canary went to weight 0 by itself", "bold green")
        else:
            self.common.line("\nPASS: the good canary was promoted step by step", "bold green")

    def _moment(self, at: float, text: str) -> None:
        self.common.line(f"  {max(0.0, at - self._began):6.1f} s  {text}")


def _cells(row: Row) -> tuple[str, ...]:
    period = row.period
    return (
        str(period.number),
        f"{period.weight} %",
        f"{row.seconds:.1f}",
        f"{row.messages:,}",
        f"{row.share.observed:.1%}" if row.messages else "-",
        f"{row.canary:,}",
        f"{row.failed:,}",
        period.verdict or "-",
        period.reason[:REASON_COLUMNS],
    )
