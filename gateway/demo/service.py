"""A service of the chain: `python -m gateway.demo.service --name B1 --port 18112 --next URL`.

`make demo` starts six of them on loopback; the chart and the kustomize files of the chain start
them in pods, with `--host 0.0.0.0`. AWS is configured as for every AWS SDK; only A uses it.
"""

from __future__ import annotations

import argparse
import signal

from gateway.aiokit.signals import SIGNALS

if __name__ == "__main__":
    SIGNALS.listen()  # before the imports that take time

import asyncio

import uvloop
from aiohttp import web

from gateway.demo.addresses import LOOPBACK
from gateway.demo.services.chain import End, Hop

STOP_SECONDS = 1.0


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
    parser.add_argument("--next", help="the next service's URL; without one, be the end")
    return parser.parse_args()


def _application(options: argparse.Namespace) -> web.Application:
    if options.queue:
        from gateway.demo.services.front import Front  # noqa: PLC0415 - an AWS SDK is slow to import

        return Front(options.name, options.queue, options.next).app()
    if options.next:
        return Hop(options.name, options.next).app()
    return End(options.name).app()


if __name__ == "__main__":
    main()
