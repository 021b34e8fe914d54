"""The demo's broker: `python -m gateway.demo.kafka.broker --port 18100 --topic orders`.

It is the mock cluster of librdkafka: a broker in memory that has groups, offsets and order, for
clients of librdkafka. It listens where it likes: `GET /brokers` at `--port` says where.
"""

from __future__ import annotations

import argparse
import asyncio

import uvloop
from aiohttp import web
from confluent_kafka import Producer

from gateway.demo.addresses import LOOPBACK

START_SECONDS = 30.0


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--topic", required=True, help="there from the start, with 4 partitions")
    options = parser.parse_args()
    cluster = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 2})
    found = cluster.list_topics(timeout=START_SECONDS).brokers.values()
    brokers = ",".join(f"{each.host}:{each.port}" for each in found)
    cluster.list_topics(options.topic, timeout=START_SECONDS)  # a topic is made when asked for
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(_app(brokers), host=LOOPBACK, port=options.port, print=None, access_log=None)


def _app(brokers: str) -> web.Application:
    async def say(_: web.Request) -> web.Response:
        return web.Response(text=brokers)

    app = web.Application()
    app.router.add_get("/brokers", say)
    return app


if __name__ == "__main__":
    main()
