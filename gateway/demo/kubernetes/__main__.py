"""Serves the API on loopback: `TOKEN=... python -m gateway.demo.kubernetes --port 18105`.

Without TLS, which a kubeconfig allows on loopback alone. `GET /readyz` needs no token.
"""

from __future__ import annotations

import argparse
import os

from aiohttp import web

from gateway.demo.addresses import LOOPBACK
from gateway.demo.kubernetes.app import KubeApi

STOP_SECONDS = 0.5
"""Watches end only when they are ended."""


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", required=True, type=int)
    options = parser.parse_args()
    api = KubeApi()
    api.script.tokens = {os.environ["TOKEN"]}
    app = api.app
    app.router.add_get("/readyz", _ready)
    web.run_app(
        app,
        host=LOOPBACK,
        port=options.port,
        print=None,
        access_log=None,
        shutdown_timeout=STOP_SECONDS,
        handler_cancellation=True,
    )


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ok")


if __name__ == "__main__":
    main()
