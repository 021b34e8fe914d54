"""A service of the chain: `python -m gateway.demo.service --name B1 --port 18112 --next URL`.

`make demo` starts six of them on loopback; the chart and the kustomize files of the chain start
them in pods, with `--host 0.0.0.0`. AWS is configured as for every AWS SDK; only A uses it.
"""

from __future__ import annotations

import argparse

import uvloop
from aiohttp import web

from gateway.demo.addresses import LOOPBACK
from gateway.demo.services.chain import End, Hop

STOP_SECONDS = 1.0


def main() -> None:
    """Serve until SIGTERM."""
    options = _options()
    web.run_app(
        _application(options),
        host=options.host,
        port=options.port,
        print=None,
        access_log=None,
        shutdown_timeout=STOP_SECONDS,
        loop=uvloop.new_event_loop(),
    )


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
