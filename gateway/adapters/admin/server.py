"""The admin port: health, readiness, metrics, the API, reload (docs/reference/admin-api.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import hdrs, web

from gateway.adapters.admin.dashboard.mount import add_dashboard
from gateway.adapters.admin.flagger import FlaggerGates
from gateway.adapters.admin.guard import Guard
from gateway.adapters.admin.json_bodies import MAX_BODY_BYTES
from gateway.adapters.admin.listen import EVERYWHERE, listen_everywhere
from gateway.adapters.admin.paths import PATHS
from gateway.adapters.admin.policy import Protection
from gateway.adapters.admin.rollout_endpoints import RolloutEndpoints
from gateway.adapters.admin.routes_view import routes_view
from gateway.core.events import ReloadFailed
from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.adapters.admin.guard import Endpoint
    from gateway.follow_port import FollowView
    from gateway.ports import Control, Measurements, RouteStates
    from gateway.rollout_port import Rollouts

HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    hdrs.SERVER: "sqs-version-gateway",
    "X-Content-Type-Options": "nosniff",
}

STOP_SECONDS: Final = 2.0
"""How long a request may still take when the server stops."""


_NOTHING: Final = Protection()


class AdminServer:
    """Serves the admin port from :meth:`start` until :meth:`stop`.

    `scrape` returns the body of `GET /metrics` and its content type. An empty `token` is the same
    as none. `host` may be empty, and then is every address of IPv4 and IPv6, as `::` is. `port` 0
    takes any free one, which is then :attr:`port`. `protection`: which reads need the token too.
    """

    def __init__(  # noqa: PLR0913 - the doors to all that is shown
        self,
        routes: RouteStates,
        control: Control,
        measurements: Measurements,
        scrape: Callable[[], tuple[bytes, str]],
        *,
        rollouts: Rollouts,
        follows: Callable[[], Sequence[FollowView]] = tuple,
        host: str,
        port: int,
        token: str | None,
        protection: Protection = _NOTHING,
    ) -> None:
        self._states = routes
        self._control = control
        self._measurements = measurements
        self._render_metrics = scrape
        self._rollouts = rollouts
        self._follows = follows
        self._host = host
        self._port = port
        self._guard = Guard(token, protection)
        self._rollout_endpoints = RolloutEndpoints(rollouts, routes)
        self._gates = FlaggerGates(rollouts, terse=protection.reads)
        self._runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=STOP_SECONDS
        )

    async def start(self) -> None:
        """Listen; raises OSError, which names the address, for instance if it is taken."""
        await self._runner.setup()
        try:
            await self._listen()
        except OSError as error:
            await self._runner.cleanup()
            why = str(error.strerror or error).rpartition(": ")[2]
            raise OSError(
                f"admin port: cannot listen on {error.filename or self._host}:{self._port}: {why}"
                " (choose another with GATEWAY_ADMIN_HOST and GATEWAY_ADMIN_PORT)"
            ) from error
        self._port = self._runner.addresses[0][1]

    async def _listen(self) -> None:
        if self._host not in EVERYWHERE:
            await web.TCPSite(self._runner, self._host, self._port).start()
            return
        for one in listen_everywhere(self._port):
            await web.SockSite(self._runner, one).start()

    @property
    def host(self) -> str:
        """The addresses that it listens on, with a comma between them."""
        return ", ".join(dict.fromkeys(address[0] for address in self._runner.addresses))

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    async def stop(self) -> None:
        """Close the port and every connection to it."""
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[_explain_errors, self._guard.protecting()], client_max_size=MAX_BODY_BYTES
        )
        router = application.router
        self._add_dashboard(application)
        router.add_get("/healthz", self._healthz)
        router.add_get("/readyz", self._readyz)
        router.add_get("/metrics", self._scrape)
        router.add_get("/api/routes", self._routes)
        router.add_post("/-/reload", self._guard.guarded(self._reload))
        self._rollout_endpoints.add_to(router, self._guard.guarded)
        self._gates.add_to(router)
        application.on_response_prepare.append(_add_headers)
        return application

    def _add_dashboard(self, application: web.Application) -> None:
        text = f"sqs-version-gateway, admin port; browsers get the dashboard here\n\n{PATHS}"
        sources = self._states, self._control, self._measurements, self._rollouts, self._follows
        add_dashboard(application, text, *sources)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _health("ok", self._states.stuck())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _health("ready", self._states.unready())

    async def _scrape(self, _request: web.Request) -> web.Response:
        body, content_type = self._render_metrics()
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    async def _routes(self, _request: web.Request) -> web.Response:
        shown = routes_view(
            self._states.views(),
            self._control.generation,
            self._measurements,
            self._rollouts.views(),
            self._follows(),
        )
        return web.json_response(shown)

    async def _reload(self, _request: web.Request) -> web.Response:
        result = await self._control.reload()
        if isinstance(result, ReloadFailed):
            failed = {"problems": result.problems, "generation": result.generation}
            return web.json_response(failed, status=422)
        return web.json_response(
            {
                "generation": result.generation,
                "added": result.added,
                "changed": result.changed,
                "removed": result.removed,
            }
        )


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


@web.middleware
async def _explain_errors(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Turn aiohttp's errors, and ours, into text that says what to do and shows no code."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return web.Response(text=f"no such path; there are:\n\n{PATHS}", status=404)
    except web.HTTPMethodNotAllowed as refused:
        allow = refused.headers[hdrs.ALLOW]
        return web.Response(
            text=f"this path takes {allow}\n", status=405, headers={hdrs.ALLOW: allow}
        )
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - the caller gets one line, the log gets the trace
        structlog.stdlib.get_logger("gateway.admin").exception("request failed", path=request.path)
        return web.Response(text="internal error; the log has it\n", status=500)


def _health(good: str, reasons: Iterable[str]) -> web.Response:
    lines = [printable(reason) for reason in reasons]
    if not lines:
        return web.Response(text=good)
    return web.Response(text="\n".join(lines) + "\n", status=503)
