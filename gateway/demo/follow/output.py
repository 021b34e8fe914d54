"""The output of a followed object: a picture, each write as it comes, and a table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.demo.rollout.output import TrialOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.demo.follow.checks import Write

ROW: Final = "  {:>7} {:>8} {:>9} {:>9} {:>7} {:>16}"
HEADINGS: Final = ("weight", "seconds", "in force", "messages", "share", "last to canary")
LEGEND: Final = """
  in force: seconds between the write and both gateways; messages, share: from then on
  last to canary: seconds between the write of weight 0 and the last delivery that began at B1
"""


class FollowOutput(TrialOutput):
    """Prints what only a followed object has, in ASCII."""

    picture = """\
  controller --> VirtualService demo/b
                        |
                        +-> gateway   --+   stable  +-> B
  orders --> SQS -------+               +-----------+
                        +-> gateway 2 --+   canary  +-> B1

  The controller writes {steps} %, and then 0: it aborts. {rate:,} orders a second.
"""
    places = (
        ("gateway", "/"),
        ("gateway 2", "/"),
        ("B", "/seen?from=0"),
        ("B1", "/seen?from=0"),
    )

    def writes(self, writes: Sequence[Write]) -> None:
        """Print a row for each write."""
        self.common.line("\n" + ROW.format(*HEADINGS), "bold")
        for write in writes:
            self.common.line(ROW.format(*_cells(write)).rstrip())
        self.common.line(LEGEND)

    def last_word(self, *, good: bool) -> None:
        """Print whether every check passed."""
        if good:
            self.common.line("\nPASS: the queue moved with the VirtualService", "bold green")
        else:
            self.common.line("\nFAIL: not all of this held, see above", "bold red")


def _cells(write: Write) -> tuple[str, ...]:
    return (
        f"{write.weight} %",
        f"{write.seconds:.1f}",
        "never" if write.in_force is None else f"{write.in_force:.2f}",
        f"{write.messages:,}",
        f"{write.share.observed:.1%}" if write.messages else "-",
        "" if write.weight else "none" if write.last is None else f"{write.last:.2f}",
    )
