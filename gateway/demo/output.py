"""The demo's output, on a terminal or as plain lines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console

from gateway.demo.audit import percentile, tag_of
from gateway.demo.progress import Bars, Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from gateway.demo.addresses import Addresses
    from gateway.demo.audit import Audit, PathCount, Share
    from gateway.demo.checks import Check
    from gateway.demo.load import Load

FIRST: Final = 10
"""The most names of orders that are printed with a failed check."""

PICTURE: Final = """\
                            {stable}  +-> B  --> C  --+
  orders --> A --> SQS --> gateway --+               +--> D
                            {canary}  +-> B1 --> C1 --+
"""

PLACES: Final = (
    ("gateway", "/", "admin port: health, metrics, /api/routes"),
    ("SQS", "", "embedded, queue `orders`"),
    ("A", "/orders", "takes orders, sends them to the queue"),
    ("B", "/events", "stable, calls C"),
    ("B1", "/events", "canary, calls C1"),
    ("D", "/paths", "remembers the path of every order"),
)

SIDECARS: Final = """\

  orders/now --> A --> b, by weight --> B  or B1 --> c, by who calls --> C or C1 --> d
"""

PLACES_WITH_ENVOY: Final = (
    ("A", "/orders/now", "sends an order on as a request"),
    ("Envoy", "/", "the sidecars: b, c and d are found through it"),
)

ROW: Final = "  {:<10} {:>7} {:>7} {:>7} {:>7} {:>7} {:>9} {:>9} {:>9}"
HEADINGS: Final = ("path", "split", "share", "weight", "pinned", "total", "p50", "p95", "p99")

LEGEND: Final = """
  split: sent by weight; pinned: sent by the attribute `version`{pins}
  p50, p95, p99: from A to D, with the wait in the queue
"""

TO_TRY: Final = """
Everything keeps running until Ctrl-C.

Send an order to the canary, then see which way it took:
  curl -d '{{"order": "mine"}}' -H 'version: v2' {a}/orders
  curl {d}/paths/mine

Change the split: edit this file and watch {gateway}/api/routes
  {routing_file}
"""


TO_TRY_WITH_ENVOY: Final = """\
The same as a request, and Envoy's own counts (its weights stay until you restart):
  curl -d '{{"order": "mine-too"}}' -H 'version: v2' {a}/orders/now
  curl {envoy}/clusters
"""


class Output:
    """Prints to `console`. The demo's own texts are ASCII, for every terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, emoji=False)

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line without wrapping, so that URLs and commands stay in one piece."""
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def title(self) -> None:
        """Print the title."""
        self.line("sqs-version-gateway demo\n", "bold")

    def working(self, what: str) -> AbstractContextManager[object]:
        """Display, on a terminal only, what is being done."""
        return self._console.status(what)

    def environment(self, addresses: Addresses, weights: Mapping[str, int]) -> None:
        """Print the chain and the URL of every process."""
        total = sum(weights.values())
        stable, canary = (f"{weight / total:4.0%} {tag}" for tag, weight in weights.items())
        self.line(PICTURE.format(stable=stable, canary=canary))
        with_envoy = "Envoy" in addresses.ports
        for name, path, what in (*PLACES, *PLACES_WITH_ENVOY) if with_envoy else PLACES:
            usual = addresses.moved().get(name)
            taken = f" ({usual} is taken)" if usual else ""
            self.line(f"  {name:<8} {addresses.url(name, path):<30} {what}{taken}")
        self.line(SIDECARS if with_envoy else "")

    @contextmanager
    def progress(self, messages: int) -> Iterator[Callable[[Load], None]]:
        """Print the progress of the load: bars on a terminal, elsewhere a line at each quarter."""
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            with Bars(self._console, messages) as bars:
                yield bars.observe
        else:
            yield Lines(self.line, messages).observe

    def stalled(self, missing: int) -> None:
        """Print that some orders are no longer waited for."""
        self.line(f"  nothing has moved for a while; {missing:,} never arrived at D", "yellow")

    def audit(self, messages: Audit, requests: Audit | None = None, legend: str = LEGEND) -> None:
        """Print a row for each path, of messages and then of requests, and a legend."""
        self.line("\n" + ROW.format(*HEADINGS), "bold")
        if requests:
            self.line("  messages, by the queue and the gateway")
        self._rows(messages)
        if requests:
            self.line("  requests, through Envoy")
            self._rows(requests)
        pins = [f"{count:,} to {tag}" for tag, count in sorted(messages.pinned.items())]
        self.line(legend.format(pins=f", {' and '.join(pins)}" if pins else ""))

    def _rows(self, audit: Audit) -> None:
        shares = {share.tag: share for share in audit.shares}
        for path in audit.paths:
            share = shares.get(tag_of(path.path) or "")
            self.line(ROW.format(*_cells(path, share)), "" if share else "red")

    def checks(self, checks: Iterable[Check], of: str = "") -> None:
        """Print each check, and the first orders that failed it, under the heading `of`."""
        if of:
            self.line(f"  {of}")
        for check in checks:
            style = "green" if check.good else "bold red"
            self.line(f"  {_label(good=check.good)}  {check.name:<10} {check.text}", style)
            if check.orders:
                self.line(f"        {_list_first(check.orders)}", "red")

    def end(self, *, good: bool, messages: int, with_requests: bool = False) -> None:
        """Print whether the demo passed."""
        if good:
            text = f"PASS: each of {messages:,} orders took the path that its pin or its id decides"
            if with_requests:
                text += ",\n      and as many requests took the same two, by the same weights"
            self.line(f"\n{text}", "bold green")
        else:
            self.line("\nFAIL: not all of this held, see above", "bold red")

    def failure(self, why: str, last_lines: Sequence[str]) -> None:
        """Print why the demo cannot continue, and the last lines of the process concerned."""
        self.line(f"FAIL: {why}", "bold red")
        for line in last_lines:
            self.line(f"  | {line}")

    def kept(self, folder: Path) -> None:
        """Print where the logs of all processes are."""
        self.line(f"The output of every process is kept in {folder}")

    def running(self, addresses: Addresses, routing_file: Path) -> None:
        """Print what to look at and to try."""
        urls = {
            "a": addresses.url("A"),
            "d": addresses.url("D"),
            "gateway": addresses.url("gateway"),
        }
        self.line(TO_TRY.format(**urls, routing_file=routing_file))
        if "Envoy" in addresses.ports:
            self.line(TO_TRY_WITH_ENVOY.format(a=urls["a"], envoy=addresses.url("Envoy")))

    def stopped(self) -> None:
        """Print that the demo has stopped."""
        self.line("\nstopped: every process of the demo has ended")


def _cells(path: PathCount, share: Share | None) -> tuple[str, ...]:
    delays = (_milliseconds(percentile(path.seconds, percent)) for percent in (50, 95, 99))
    portion = (f"{share.observed:.1%}", f"{share.expected:.0%}") if share else ("-", "-")
    total = f"{path.split + path.pinned:,}"
    return ("-".join(path.path), f"{path.split:,}", *portion, f"{path.pinned:,}", total, *delays)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1_000:,.0f} ms"


def _label(*, good: bool) -> str:
    return "ok  " if good else "FAIL"


def _list_first(orders: Sequence[str]) -> str:
    more = len(orders) - FIRST
    return ", ".join(orders[:FIRST]) + (f" and {more:,} more" if more > 0 else "")
