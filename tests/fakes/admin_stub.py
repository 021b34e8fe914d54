"""An admin port that responds as a test says, in a thread; it keeps what it was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Self

from gateway.adapters.admin.rollout_view import rollout_json
from tests.fakes.rollouts import rollout_view

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

ROLLOUT: Final[Mapping[str, Any]] = rollout_json(
    rollout_view(p_value=0.31, deadline=None), "stable"
)
"""What `GET /api/routes/orders/rollout` responds with at step 2 of 4."""

RATES: Final = {
    "received_per_second": 20.0,
    "ack_per_second": 19.0,
    "retry_per_second": 0.5,
    "reject_per_second": 0.25,
    "fallback_per_second": 0.25,
}


def version(name: str, share: float, seen: float | None, *, stable: bool = False) -> dict[str, Any]:
    """Make what `/api/routes` says of a version, as far as `status` reads it."""
    return {"name": name, "stable": stable, "share_configured": share, "share_observed": seen}


def route(name: str = "orders", **rest: Any) -> dict[str, Any]:
    """Make what `/api/routes` says of a route."""
    usual = {
        "name": name,
        "phase": "polling",
        "why": "",
        "in_flight": 7,
        "max_in_flight": 200,
        "rates": RATES,
        "rollout": None,
        "versions": [version("stable", 0.9, 0.902, stable=True), version("canary", 0.1, 0.098)],
    }
    return {**usual, **rest}


def routes(*each: Mapping[str, Any], problems: Sequence[str] = ()) -> dict[str, Any]:
    """Make a whole response of `/api/routes`."""
    config = {"last_reload_successful": not problems, "problems": [*problems]}
    return {"generation": 3, "config": config, "routes": [*each]}


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    authorization: str | None
    body: Any


@dataclass
class Reply:
    """A response; a body that is no text is sent as JSON."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class AdminStub:
    """Use as a context manager. `replies` are by `METHOD PATH`, the path without its query.

    A list of replies is used up but for its last one.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.replies: dict[str, Reply | list[Reply]] = {}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens, as a URL."""
        return f"http://127.0.0.1:{self.port}"

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Speak TLS from the next connection on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def reply(self, method: str, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """Set the only reply to a request."""
        self.replies[f"{method} {path}"] = Reply(body, status, headers)

    def reply_to(self, asked: Asked) -> Reply:
        """Return the reply to a request, 404 in text where the test has set none."""
        self.asked.append(asked)
        found = self.replies.get(f"{asked.method} {asked.path.partition('?')[0]}")
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found or Reply("no such path", 404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                authorization = self.headers.get("authorization")
                reply = stub.reply_to(Asked(self.command, self.path, authorization, body))
                text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler
