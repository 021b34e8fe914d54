"""`gateway drain-queue`: moves what is in a queue to another one, as after a rollback."""

from __future__ import annotations

import argparse
import math
import sys
from time import monotonic
from typing import TYPE_CHECKING, Final

from gateway.aiokit.signals import SIGNALS
from gateway.cli.arguments import add_parser, epilog
from gateway.cli.exit_status import FAILED, OK, PROBLEMS

if TYPE_CHECKING:
    import signal

    from gateway.adapters.sqs.drain.drain import Drain
    from gateway.adapters.sqs.drain.ends import Depth
    from gateway.adapters.sqs.drain.pair import Pair
    from gateway.cli.arguments import Commands
    from gateway.config.problems.problem import ProblemsFound
    from gateway.core.addresses import QueueAddress

WARN_SECONDS: Final = 10.0
"""How long a warning is not repeated."""


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    end = epilog(
        {
            OK: "SOURCE is empty: nothing visible, delayed or in flight, three times over more than"
            " its visibility timeout",
            FAILED: "stopped by SIGTERM or SIGINT, what was received is moved; or a failure",
            PROBLEMS: "a queue is missing or of the other type (FIFO, standard), or both are one",
        },
        "gateway drain-queue orders-b1 --to orders-b --dry-run",
        "gateway drain-queue orders-b1 --to orders-b --rate 50",
    )
    text = "move what is in a queue to another one: in order on FIFO, attributes as they are"
    parser = add_parser(commands, "drain-queue", run, text, end)
    parser.add_argument("source", metavar="SOURCE", help="the queue's name, URL or ARN")
    parser.add_argument(
        "--to", required=True, metavar="QUEUE", help="where its messages go: a name, URL or ARN"
    )
    parser.add_argument(
        "--rate", type=_rate, metavar="N", help="messages a second, above 0 (default: no limit)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print how many there are, and receive nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Move messages until SOURCE is empty; return the exit status. Raises ProblemsFound."""
    import asyncio

    from gateway.adapters.telemetry import logs

    source, target = _queue("SOURCE", arguments.source), _queue("--to", arguments.to)
    logs.configure("WARNING", "text")
    SIGNALS.exit_on_stop(FAILED)
    try:
        return asyncio.run(_run(source, target, arguments))
    except asyncio.CancelledError:
        _say("stopped at once: what was received and not moved comes back by itself")
        return FAILED


async def _run(source: QueueAddress, target: QueueAddress, arguments: argparse.Namespace) -> int:
    from gateway.adapters.sqs.clients import SqsClients
    from gateway.adapters.sqs.drain.drain import DrainError
    from gateway.adapters.sqs.drain.pair import UnfitError, open_pair
    from gateway.ports import SourceError

    async with SqsClients() as clients:
        try:
            pair = await open_pair(clients, source, target)
            if arguments.dry_run:
                depth = await pair.depths.depth()
                print(f"{depth.total:,} messages in {source.name}: {depth}")
                return OK
            return await _drain(pair, source, target, arguments.rate)
        except UnfitError as unfit:
            raise _problem(unfit.place, unfit.what, unfit.hint) from None
        except DrainError as error:
            _say(f"{error} ({error.what_to_do})" if error.what_to_do else str(error))
        except SourceError as error:
            _say(str(error))
    return FAILED


async def _drain(pair: Pair, source: QueueAddress, target: QueueAddress, rate: float | None) -> int:
    from gateway.adapters.sqs.drain.drain import Drain

    began = monotonic()
    drain = Drain(
        pair.source,
        pair.target,
        pair.depths,
        fifo=source.fifo,
        lease_seconds=pair.lease_seconds,
        rate=rate,
        report=_report,
        warn=_Warnings().warn,
    )
    _connect(drain)
    try:
        empty = await drain.run()
    finally:
        SIGNALS.disconnect()
        seconds = monotonic() - began
        _say(f"moved {drain.moved:,} from {source.name} to {target.name} in {seconds:.0f} s")
    if not empty:
        _say(f"stopped: start it again to move the rest of {source.name}")
    return OK if empty else FAILED


def _connect(drain: Drain) -> None:
    """Have the first stop finish what was received, and the second one end at once."""
    import asyncio
    from signal import SIGHUP

    task = asyncio.current_task()
    stops: list[signal.Signals] = []

    def receive(which: signal.Signals) -> None:
        if which == SIGHUP:
            return
        drain.stop()
        stops.append(which)
        if len(stops) > 1 and task is not None:
            task.cancel()

    SIGNALS.connect(asyncio.get_running_loop(), receive)


class _Warnings:
    """Prints warnings, the same one at most every ten seconds."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def warn(self, sentence: str) -> None:
        now = monotonic()
        if now - self._last.get(sentence, -WARN_SECONDS) >= WARN_SECONDS:
            self._last[sentence] = now
            _say(sentence)


def _report(moved: int, depth: Depth) -> None:
    _say(f"moved {moved:,}; left: {depth}")


def _queue(place: str, text: str) -> QueueAddress:
    from gateway.core.addresses import parse_queue

    try:
        return parse_queue(text)
    except ValueError as error:
        raise _problem(place, str(error), "") from None


def _problem(place: str, what: str, hint: str) -> ProblemsFound:
    from gateway.config.problems.problem import Problem, ProblemsFound

    return ProblemsFound([Problem("command line", None, place, what, hint)])


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise argparse.ArgumentTypeError("must be a number above 0")
    return rate


def _say(sentence: str) -> None:
    print(f"gateway drain-queue: {sentence}", file=sys.stderr, flush=True)
