"""moto's SQS as a process of its own; says where it listens and ends when its stdin does."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

from moto.server import ThreadedMotoServer
from moto.sqs.models import Queue
from moto.sqs.responses import SQSResponse

_acting = threading.Lock()
_act = SQSResponse.call_action
_wait = Queue.wait_for_messages


def _one_at_a_time(self: SQSResponse) -> Any:
    with _acting:
        return _act(self)


def _wait_for_messages(self: Queue, timeout: int) -> None:
    _acting.release()
    try:
        _wait(self, timeout)
    finally:
        _acting.acquire()


def make_server() -> ThreadedMotoServer:
    """Return a server on a free port that does one thing at a time, but for waiting.

    moto has no lock: two receives at once are given the same message, both with receive count 2,
    or end with an error of Python's.
    """
    SQSResponse.call_action = _one_at_a_time
    Queue.wait_for_messages = _wait_for_messages
    return ThreadedMotoServer("127.0.0.1", 0, verbose=False)


def main() -> None:
    """Serve until stdin ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for each request
    server = make_server()
    server.start()
    host, port = server.get_host_and_port()
    print(f"listening on http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
