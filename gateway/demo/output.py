"""What a person sees of the demo, on a terminal or as plain lines."""

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
"""So many names of orders are printed with a check that failed."""

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
The same as a request, and Envoy's own account (its weights stay until you start anew):
  curl -d '{{"order": "mine-too"}}' -H 'version: v2' {a}/orders/now
  curl {envoy}/clusters
"""


class Output:
    """Prints to `console`; the demo's own texts are ASCII, which every terminal shows."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, emoji=False)

    def _line(self, text: str = "", style: str = "") -> None:
        """Print a line as it is: a URL or a command stays in one piece on a narrow terminal."""
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def title(self) -> None:
        """Say what this is."""
        self._line("sqs-version-gateway demo\n", "bold")

    def working(self, what: str) -> AbstractContextManager[object]:
        """Show, on a terminal only, what takes a moment."""
        return self._console.status(what)

    def environment(self, addresses: Addresses, weights: Mapping[str, int]) -> None:
        """Draw the chain and say where everything is."""
        total = sum(weights.values())
        stable, canary = (f"{weight / total:4.0%} {tag}" for tag, weight in weights.items())
        self._line(PICTURE.format(stable=stable, canary=canary))
        with_envoy = "Envoy" in addresses.ports
        for name, path, what in (*PLACES, *PLACES_WITH_ENVOY) if with_envoy else PLACES:
            usual = addresses.moved().get(name)
            taken = f" ({usual} is taken)" if usual else ""
            self._line(f"  {name:<8} {addresses.url(name, path):<30} {what}{taken}")
        self._line(SIDECARS if with_envoy else "")

    @contextmanager
    def progress(self, messages: int) -> Iterator[Callable[[Load], None]]:
        """Show the load live: bars on a terminal, elsewhere a line at each quarter."""
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            with Bars(self._console, messages) as bars:
                yield bars.observe
        else:
            yield Lines(self._line, messages).observe

    def stalled(self, missing: int) -> None:
        """Say that some orders are not waited for any longer."""
        self._line(f"  nothing has moved for a while; {missing:,} never came to D", "yellow")

    def account(self, account: Audit, requests: Audit | None = None) -> None:
        """Print a row for each path, of messages and then of requests, and what the columns are."""
        self._line("\n" + ROW.format(*HEADINGS), "bold")
        if requests:
            self._line("  messages, by the queue and the gateway")
        self._rows(account)
        if requests:
            self._line("  requests, through Envoy")
            self._rows(requests)
        pins = [f"{count:,} to {tag}" for tag, count in sorted(account.pinned.items())]
        self._line(LEGEND.format(pins=f", {' and '.join(pins)}" if pins else ""))

    def _rows(self, account: Audit) -> None:
        shares = {share.tag: share for share in account.shares}
        for path in account.paths:
            share = shares.get(tag_of(path.path) or "")
            self._line(ROW.format(*_cells(path, share)), "" if share else "red")

    def checks(self, checks: Iterable[Check], of: str = "") -> None:
        """Print each check, and the first orders that failed it; `of` is a heading."""
        if of:
            self._line(f"  {of}")
        for check in checks:
            style = "green" if check.good else "bold red"
            self._line(f"  {_word(good=check.good)}  {check.name:<10} {check.text}", style)
            if check.orders:
                self._line(f"        {_first(check.orders)}", "red")

    def end(self, *, good: bool, messages: int, with_requests: bool = False) -> None:
        """Print the verdict in one line."""
        if good:
            text = f"PASS: each of {messages:,} orders took the path that its pin or its id decides"
            if with_requests:
                text += ",\n      and as many requests took the same two, by the same weights"
            self._line(f"\n{text}", "bold green")
        else:
            self._line("\nFAIL: not all of this held, see above", "bold red")

    def failure(self, why: str, last_lines: Sequence[str]) -> None:
        """Say why the demo cannot go on, and what the process concerned printed last."""
        self._line(f"FAIL: {why}", "bold red")
        for line in last_lines:
            self._line(f"  | {line}")

    def kept(self, folder: Path) -> None:
        """Say where the output of all processes is."""
        self._line(f"The output of every process is kept in {folder}")

    def running(self, addresses: Addresses, routing_file: Path) -> None:
        """Say what there is to look at and to try."""
        urls = {
            "a": addresses.url("A"),
            "d": addresses.url("D"),
            "gateway": addresses.url("gateway"),
        }
        self._line(TO_TRY.format(**urls, routing_file=routing_file))
        if "Envoy" in addresses.ports:
            self._line(TO_TRY_WITH_ENVOY.format(a=urls["a"], envoy=addresses.url("Envoy")))

    def stopped(self) -> None:
        """Say that the person who asked for it got it."""
        self._line("\nstopped: every process of the demo has ended")


def _cells(path: PathCount, share: Share | None) -> tuple[str, ...]:
    delays = (_milliseconds(percentile(path.seconds, percent)) for percent in (50, 95, 99))
    portion = (f"{share.observed:.1%}", f"{share.expected:.0%}") if share else ("-", "-")
    total = f"{path.split + path.pinned:,}"
    return ("-".join(path.path), f"{path.split:,}", *portion, f"{path.pinned:,}", total, *delays)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1_000:,.0f} ms"


def _word(*, good: bool) -> str:
    return "ok  " if good else "FAIL"


def _first(orders: Sequence[str]) -> str:
    more = len(orders) - FIRST
    return ", ".join(orders[:FIRST]) + (f" and {more:,} more" if more > 0 else "")
