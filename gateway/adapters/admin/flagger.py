"""Flagger's webhooks: 200 lets it go on, 403 does not (docs/reference/admin-api.md).

They change nothing and need no token, since Flagger can send no headers of one's own. It takes any
status above 202 as a refusal, and repeats a request that got 429 or a 5xx.

Source: https://github.com/fluxcd/flagger/blob/main/pkg/controller/webhook.go
"""

from __future__ import annotations

import time
from contextlib import suppress
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from gateway.adapters.admin.json_bodies import BadRequestError, read_object
from gateway.core.printable import printable
from gateway.core.rollout.judge import Verdict
from gateway.rollout_port import UnknownRouteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.rollout_port import Rollouts

MAX_LINES: Final = 20
"""Events that are logged within :data:`WINDOW_SECONDS`, of all routes: anyone may send them."""

WINDOW_SECONDS: Final = 60.0
MAX_FIELD_CHARS: Final = 200


class Gate(StrEnum):
    """The webhooks, by Flagger's types."""

    CONFIRM_ROLLOUT = "confirm-rollout"
    CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
    CONFIRM_PROMOTION = "confirm-promotion"
    ROLLOUT = "rollout"
    ROLLBACK = "rollback"
    EVENT = "event"


_ANY: Final = frozenset(Verdict)
OPEN_ON: Final = {
    Gate.CONFIRM_ROLLOUT: _ANY,
    Gate.CONFIRM_TRAFFIC_INCREASE: frozenset({Verdict.PASS}),
    Gate.CONFIRM_PROMOTION: frozenset({Verdict.PASS}),
    Gate.ROLLOUT: frozenset({Verdict.PASS, Verdict.WAIT}),  # a refused one is a failed check
    Gate.ROLLBACK: frozenset({Verdict.ABORT}),  # 200 rolls back
    Gate.EVENT: _ANY,
}
"""The verdicts on which a gate is open."""


class FlaggerGates:
    """The endpoints below `/api/flagger/{route}`. `terse`: they say the verdict and no reason."""

    def __init__(
        self,
        rollouts: Rollouts,
        *,
        terse: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rollouts = rollouts
        self._terse = terse
        self._events = EventLog(clock)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the paths."""
        router.add_post(f"/api/flagger/{{route:[^/]+}}/{{gate:{'|'.join(Gate)}}}", self._ask)

    async def _ask(self, request: web.Request) -> web.Response:
        route, gate = request.match_info["route"], Gate(request.match_info["gate"])
        try:
            view = self._rollouts.view(route)
        except UnknownRouteError as unknown:
            return _response(HTTPStatus.FORBIDDEN, "no such route" if self._terse else str(unknown))
        if gate is Gate.EVENT:
            await self._log_event(request, route)
        status = HTTPStatus.OK if view.verdict in OPEN_ON[gate] else HTTPStatus.FORBIDDEN
        says = view.verdict.value
        return _response(status, says if self._terse else f"{says}: {view.reason}")

    async def _log_event(self, request: web.Request, route: str) -> None:
        with suppress(BadRequestError):  # then there is nothing to log
            self._events.log(route, await read_object(request))


class EventLog:
    """Logs Flagger's events at INFO, a bounded number of lines in a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._log = structlog.stdlib.get_logger("gateway.admin")
        self._until = 0.0
        self._lines = 0
        self._suppressed = 0

    def log(self, route: str, body: Mapping[str, Any]) -> None:
        """Log an event of Flagger's; what is too long or no text is cut or left out."""
        now = self._clock()
        if now >= self._until:
            self._until, self._lines = now + WINDOW_SECONDS, 0
        if self._lines >= MAX_LINES:
            self._suppressed += 1
            return
        self._lines += 1
        suppressed = {"suppressed": self._suppressed} if self._suppressed else {}
        self._suppressed = 0
        self._log.info("flagger event", route=route, **_event_fields(body), **suppressed)


def _event_fields(body: Mapping[str, Any]) -> dict[str, str]:
    metadata = body.get("metadata")
    within = metadata if isinstance(metadata, dict) else {}
    given = {
        "canary": body.get("name"),
        "namespace": body.get("namespace"),
        "phase": body.get("phase"),
        "kind": within.get("eventType"),
        "message": within.get("eventMessage"),
    }
    return {
        name: printable(value)[:MAX_FIELD_CHARS]
        for name, value in given.items()
        if isinstance(value, str)
    }


def _response(status: int, text: str) -> web.Response:
    return web.Response(text=f"{printable(text)}\n", status=status)
