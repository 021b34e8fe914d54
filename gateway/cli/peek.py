"""`gateway peek`: where messages of a queue or a topic would go, and why.

Those of a queue are received and given back; a topic's are read beside its group (`peek_topic`).
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Final

from gateway.aiokit.signals import EXIT_STATUS_BASE, SIGNALS
from gateway.cli.arguments import OF_PROBLEMS, add_parser, epilog
from gateway.cli.exit_status import FAILED, OK, PROBLEMS

if TYPE_CHECKING:
    import signal

    from gateway.adapters.sqs.peek import Peek
    from gateway.cli.arguments import Commands
    from gateway.core.addresses import QueueAddress
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Decision
    from gateway.core.routing.route import Route
    from gateway.ports import Redrive

MOST: Final = 10


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    end = epilog(
        {
            OK: "the messages are on stdout, and back in the queue",
            FAILED: "SQS or Kafka refuses it, one was not given back, or the person said no",
            PROBLEMS: f"{OF_PROBLEMS}, no such queue, or no --yes where no terminal can ask",
        },
        "gateway peek orders --config routes.yaml",
        "gateway peek orders --config routes.yaml --count 3 --yes --json",
        "gateway peek orders-dead --yes",
        "gateway peek shop.orders --config routes.yaml",
        "gateway peek shop.orders.dead --config routes.yaml",
    )
    text = (
        "receive at most ten messages, say where each would go and why, and give them back; of a "
        "topic read the newest records, and commit nothing; bodies are not shown"
    )
    parser = add_parser(commands, "peek", run, text, end)
    parser.add_argument(
        "queue",
        metavar="QUEUE",
        help="the queue's name, URL or ARN, or a topic that a route reads or names",
    )
    parser.add_argument(
        "--count", type=_count, default=MOST, metavar="N", help="how many, 1 to 10 (default: 10)"
    )
    parser.add_argument(
        "--yes", action="store_true", help="do not ask: a queue's receive counts go up by one"
    )
    # Suppressed where absent, so that it does not hide a --config given before the command.
    parser.add_argument(
        "--config",
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="the routing file that decides (default: GATEWAY_CONFIG; without one no decisions, "
        "and no topics)",
    )
    parser.add_argument(
        "--route", metavar="NAME", help="whose rules (default: those of the route that reads it)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Look at messages of the queue; return the exit status. Raises ProblemsFound."""
    import asyncio

    from gateway.adapters.telemetry import logs
    from gateway.cli.peek_route import problem, source_and_route
    from gateway.core.addresses import QueueAddress

    queue, route = source_and_route(arguments)
    if not isinstance(queue, QueueAddress):
        from gateway.cli.peek_topic import peek_topic

        return peek_topic(queue, route, arguments.count, _say, as_json=arguments.json)
    if not arguments.yes and not _can_ask():
        what = "nothing was received: there is no terminal to ask what it costs"
        raise problem("--yes", what, "say --yes")
    logs.configure("WARNING", "text")
    return asyncio.run(_run(arguments, queue, route))


def _can_ask() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())


async def _run(arguments: argparse.Namespace, queue: QueueAddress, route: Route | None) -> int:
    from gateway.adapters.sqs.clients import SqsClients
    from gateway.adapters.sqs.drain.pair import UnfitError, missing_queue
    from gateway.adapters.sqs.drain.queues import open_end
    from gateway.adapters.sqs.peek import Peek
    from gateway.adapters.sqs.sdk_source import SdkSqsSource
    from gateway.cli.peek_route import problem
    from gateway.cli.peek_words import cost
    from gateway.ports import SourceError

    async with SqsClients() as clients:
        source = SdkSqsSource(clients, queue)
        try:
            try:
                redrive = (await source.open()).redrive
            except SourceError as error:
                raise missing_queue("QUEUE", error) from error
            depth = await (await open_end(clients, queue, source.url)).depth()
            for line in cost(queue.name, arguments.count, depth, redrive, route, fifo=queue.fifo):
                _say(line)
            if not arguments.yes and not _asked():
                _say("nothing was received")
                return FAILED
            return await _look(
                Peek(source, arguments.count), route, redrive, as_json=arguments.json
            )
        except UnfitError as unfit:
            raise problem(unfit.place, unfit.what, unfit.hint) from None
        except SourceError as error:
            _say(str(error))
    return FAILED


def _asked() -> bool:
    """Return whether a person agrees."""
    print("go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


async def _look(peek: Peek, route: Route | None, redrive: Redrive | None, *, as_json: bool) -> int:
    import asyncio

    from gateway.adapters.sqs.peek import LEASE_SECONDS

    stops = _connect(peek)
    messages: list[Message] = []
    try:
        messages = await peek.run()
    except asyncio.CancelledError:
        _say(f"stopped at once: what was on its way comes back within {LEASE_SECONDS} s")
    finally:
        SIGNALS.exit_on_stop()
        for sentence in peek.problems:
            _say(sentence)
    if stops:
        _say("stopped: what was received is given back")
        return EXIT_STATUS_BASE + stops[0]
    _print(messages, route, redrive, as_json=as_json)
    return FAILED if peek.problems else OK


def _connect(peek: Peek) -> list[signal.Signals]:
    """Have a stop give back what was received, a second one at once; return those that come."""
    import asyncio
    from signal import SIGHUP

    task = asyncio.current_task()
    stops: list[signal.Signals] = []

    def receive(which: signal.Signals) -> None:
        if which == SIGHUP:
            return
        peek.stop()
        stops.append(which)
        if len(stops) > 1 and task is not None:
            task.cancel()

    SIGNALS.connect(asyncio.get_running_loop(), receive)
    return stops


def _print(
    messages: list[Message], route: Route | None, redrive: Redrive | None, *, as_json: bool
) -> None:
    from gateway.cli.explain import as_json as as_decision
    from gateway.cli.peek_words import as_object, message_lines
    from gateway.cli.terminal import paint_for_stdout, width_of_stdout
    from gateway.core.routing.decider import decider_of

    decider = decider_of(route) if route else None
    decided: list[tuple[Message, Decision | None]] = [
        (message, decider.decide(message) if decider else None) for message in messages
    ]
    if as_json:
        for message, decision in decided:
            said = as_decision(message, route, decision) if route and decision else {}
            print(json.dumps(as_object(message, route, said)))
        return
    if not messages:
        _say("no message was there to be received")
        return
    lines = message_lines(decided, route, redrive, width_of_stdout(), paint_for_stdout())
    print("\n".join(lines))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 to {MOST}")
    return int(text)


def _say(sentence: str) -> None:
    from gateway.core.printable import printable

    print(f"gateway peek: {printable(sentence)}", file=sys.stderr, flush=True)
