"""One service of the chain: `python -m gateway.demo.service --name B1 --port 18112 --next URL`."""

from __future__ import annotations

import argparse

import uvloop
from aiohttp import web

from gateway.demo.addresses import LOOPBACK
from gateway.demo.chain import End, Hop

STOP_SECONDS = 1.0


def main() -> None:
    """Serve until SIGTERM."""
    options = _options()
    web.run_app(
        _application(options),
        host=LOOPBACK,
        port=options.port,
        print=None,
        access_log=None,
        shutdown_timeout=STOP_SECONDS,
        loop=uvloop.new_event_loop(),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", required=True, type=int)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--queue", help="the first of the chain: send to this queue")
    place.add_argument("--next", help="inside the chain: call this URL; without it, be the end")
    return parser.parse_args()


def _application(options: argparse.Namespace) -> web.Application:
    if options.queue:
        from gateway.demo.front import Front  # noqa: PLC0415 - an AWS SDK is slow to import

        return Front(options.name, options.queue).app()
    if options.next:
        return Hop(options.name, options.next).app()
    return End(options.name).app()


if __name__ == "__main__":
    main()
