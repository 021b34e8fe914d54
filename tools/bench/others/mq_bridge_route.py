"""mq-bridge as its documentation has it: aws input, switch on the `version` metadata, http outputs.

python mq_bridge_route.py INSTALLED_IN SQS_URL QUEUE SINK_URL
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from typing import Any, Final

CONCURRENCY: Final = 32  # 4 were half as fast, 16 as fast, 64 no faster
BATCH: Final = 10  # 100 was no faster: SQS gives ten at most
POSTS_AT_ONCE: Final = 10  # of one batch; 20 were no faster. On FIFO 1, or their order is lost


def route(sqs_url: str, queue: str, sink_url: str) -> dict[str, Any]:
    """Return its configuration; a batch is deleted after 2xx to all of it."""
    posts = 1 if queue.endswith(".fifo") else POSTS_AT_ONCE
    return {
        "input": {
            "aws": {
                "queue_url": f"{sqs_url}/000000000000/{queue}",
                "endpoint_url": sqs_url,
                "region": "us-east-1",
                "access_key": "bench",
                "secret_key": "bench",
                "max_messages": 10,
                "wait_time_seconds": 1,
            }
        },
        "output": {
            "switch": {
                "metadata_key": "version",
                "cases": {"v2": _http(f"{sink_url}/canary", posts)},
                "default": _http(f"{sink_url}/stable", posts),
            }
        },
        "batch_size": BATCH,
        "concurrency": CONCURRENCY,
    }


def _http(url: str, posts: int) -> dict[str, Any]:
    options: dict[str, Any] = {"url": url, "batch_concurrency": posts}
    if url.startswith("https:"):
        options["tls"] = {"required": True, "ca_file": os.environ["SSL_CERT_FILE"]}
    return {"http": options}


def main(installed_in: str, *arguments: str) -> None:
    """Run until SIGTERM."""
    sys.path.insert(0, installed_in)
    mq_bridge = importlib.import_module("mq_bridge")
    logging.basicConfig(level=logging.WARNING)
    mq_bridge.init_logging("warn")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    mq_bridge.Route.from_config(route(*arguments)).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
