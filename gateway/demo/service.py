"""A service of the chain: `python -m gateway.demo.service --name B1 --port 18112 --next URL`.

`make demo` starts six of them on loopback; the chart and the kustomize files of the chain start
them in pods, with `--host 0.0.0.0`. AWS is configured as for every AWS SDK. None knows of versions:
one that sends to a queue (`--next-queue`) sets no attribute, one that polls (`--poll`) reads none.
"""

from __future__ import annotations

import argparse
import signal

from gateway.aiokit.signals import SIGNALS

if __name__ == "__main__":
    SIGNALS.listen()  # before the imports that take time

import asyncio
from typing import TYPE_CHECKING

import uvloop
from aiohttp import web

from gateway.demo.addresses import LOOPBACK
from gateway.demo.services.chain import End, Hop, NextService

if TYPE_CHECKING:
    from gateway.demo.services.chain import Next

STOP_SECONDS = 1.0
MAX_WAIT_SECONDS = 20


def main() -> None:
    """Serve until SIGTERM."""
    options = _options()
    application = _application(options)
    application.on_startup.append(_end_at_stops)
    application.on_cleanup.append(_ignore_stops)
    web.run_app(
        application,
        host=options.host,
        port=options.port,
        print=None,
        access_log=None,
        shutdown_timeout=STOP_SECONDS,
        handle_signals=False,
        loop=uvloop.new_event_loop(),
    )


async def _end_at_stops(_application: web.Application) -> None:
    SIGNALS.connect(asyncio.get_running_loop(), _end)


async def _ignore_stops(_application: web.Application) -> None:
    SIGNALS.disconnect()


def _end(which: signal.Signals) -> None:
    if which != signal.SIGHUP:
        raise web.GracefulExit


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--host", default=LOOPBACK, help="listen here; in a pod: 0.0.0.0")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument(
        "--queue", help="be the first of the chain: send orders to this queue (name, URL or ARN)"
    )
    parser.add_argument(
        "--topic",
        nargs=2,
        metavar=("BROKERS", "NAME"),
        help="be the first of the chain: produce to this Kafka topic, at HOST:PORT,HOST:PORT",
    )
    hop = parser.add_mutually_exclusive_group()
    hop.add_argument("--next", help="call the next service at this URL")
    hop.add_argument(
        "--next-queue", help="send to this queue instead; without either, be the end of the chain"
    )
    hop.add_argument(
        "--troubled", action="store_true", help="be the end of the chain, and fail as it is told"
    )
    parser.add_argument("--poll", help="take orders from this queue, not only by requests")
    parser.add_argument(
        "--wait",
        type=int,
        choices=range(MAX_WAIT_SECONDS + 1),
        default=MAX_WAIT_SECONDS,
        metavar="SECONDS",
        help=f"of a long poll: 0 to {MAX_WAIT_SECONDS} (default: {MAX_WAIT_SECONDS})",
    )
    return parser.parse_args()


def _application(options: argparse.Namespace) -> web.Application:
    """Return the application; an AWS SDK is slow to import, so only those import it that use it."""
    to = _next(options)
    if options.topic:
        from gateway.demo.services.topics import TopicFront  # noqa: PLC0415 - the extra `kafka`

        return TopicFront(options.name, *options.topic).app()
    if options.queue:
        from gateway.demo.services.front import Front  # noqa: PLC0415

        return Front(options.name, options.queue, to).app()
    if options.troubled:
        from gateway.demo.services.trouble import Troubled  # noqa: PLC0415

        return Troubled().app()
    service = Hop(options.name, to) if to else End(options.name)
    if options.poll:
        from gateway.demo.services.consumer import Consumer  # noqa: PLC0415

        return Consumer(service, options.poll, options.wait).app()
    return service.app()


def _next(options: argparse.Namespace) -> Next | None:
    if options.next_queue:
        from gateway.demo.services.queues import NextQueue  # noqa: PLC0415

        return NextQueue(options.name, options.next_queue)
    return NextService(options.name, options.next) if options.next else None


if __name__ == "__main__":
    main()
