"""The output of the full chain: a picture, the progress of each way, and one table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.demo.audit import PATHS, Defect, percentile, tag_of
from gateway.demo.full_chain.result import Missing, Result
from gateway.demo.load import ON_THEIR_WAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.demo.audit import Audit
    from gateway.demo.output import Output

PICTURE: Final = """\
                             +-> B  --+                            +-> C  --+
  A --> orders --> gateway --+        +--> invoices --> gateway --+        +--> D
                             +-> B1 --+                            +-> C1 --+

  B, B1, C and C1 know nothing of versions. The second queue learns them in three ways:

    by sender       B1's session is called `b1,version=v2`; SQS tells who sent each message
    OpenTelemetry   services in Node, instrumented from the outside, hand the baggage on
    own queues      all four poll queues of their own, which the gateway sends to; by sender too
"""

ROW: Final = "  {:<14} {:>8} {:>10} {:>6} {:>5} {:>8} {:>8} {:>10} {:>8} {:>8}"
HEADINGS: Final = (
    "way", *("-".join(path) for path in PATHS.values()), "share",
    Defect.LOST, Defect.DOUBLED, Defect.CROSSED, Defect.MISROUTED, "p50", "p99",
)  # fmt: skip

LEGEND: Final = """
  share: of the unpinned orders that went to B1, whose weight is {weight:.0%}; one in ten is pinned
  p50, p99: from A to D in milliseconds, with the waits in the queues, at up to {most} on their way
"""


class FullChainOutput:
    """Prints what only the full chain has, in ASCII; `common` prints the rest."""

    def __init__(self, common: Output) -> None:
        self.common = common

    def title(self) -> None:
        """Print the title and the picture."""
        self.common.title()
        self.common.line(PICTURE)

    def way(self, name: str) -> None:
        """Print which way is run now."""
        self.common.line(f"  {name}", "bold")

    def missing(self, missing: Missing) -> Missing:
        """Print that a way cannot be had here, and return it."""
        self.way(missing.name)
        self.common.line(f"  not available: {missing.why}", "yellow")
        return missing

    def results(self, results: Sequence[Result | Missing], messages: int) -> None:
        """Print a row for each way, its checks, and whether all passed."""
        ran = [result for result in results if isinstance(result, Result)]
        weight = ran[0].audit.shares[-1].expected
        self.common.line("\n" + ROW.format(*HEADINGS), "bold")
        for result in results:
            self._row(result)
        self.common.line(LEGEND.format(weight=weight, most=ON_THEIR_WAY))
        for result in ran:
            self.common.checks(result.checks, result.name)
        self._end(ran, len(results), messages)

    def _row(self, result: Result | Missing) -> None:
        if isinstance(result, Missing):
            self.common.line(f"  {result.name:<14} not available: {result.why}", "yellow")
        else:
            cells = _cells(result.audit)
            self.common.line(ROW.format(result.name, *cells), "" if result.good else "red")

    def _end(self, ran: Sequence[Result], ways: int, messages: int) -> None:
        if not all(result.good for result in ran):
            self.common.line("\nFAIL: not all of this held, see above", "bold red")
            return
        number = f"all {ways} ways" if len(ran) == ways else f"{len(ran)} of {ways} ways"
        text = f"\nPASS: in {number} each of {messages:,} orders stayed in its version, to the end"
        self.common.line(text, "bold green")


def _cells(audit: Audit) -> tuple[str, ...]:
    totals = {tag_of(path.path): path.split + path.pinned for path in audit.paths}
    seconds = sorted(one for path in audit.paths for one in path.seconds)
    times = (percentile(seconds, percent) for percent in (50, 99))
    return (
        *(f"{totals[tag]:,}" for tag in PATHS),
        f"{audit.shares[-1].observed:.1%}",
        *(f"{len(audit.defects[defect]):,}" for defect in Defect),
        *("-" if time is None else f"{time * 1_000:,.0f}" for time in times),
    )
