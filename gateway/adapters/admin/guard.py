"""Holds requests to the policy: who may change something, and read what is protected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from gateway.adapters.admin.dashboard.pages import is_page
from gateway.adapters.admin.policy import CHALLENGE, Caller, Protection, refusal

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """An empty `token` is the same as none. `protection`: which reads need the token too."""

    def __init__(self, token: str | None, protection: Protection) -> None:
        self._token = token
        self._protection = protection

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint for the callers who may change something; others get a refusal."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            refused = self._denial(request)
            return await endpoint(request) if refused is None else refused

        return guarded

    def protecting(self) -> Middleware:
        """Return what guards all that is protected, unknown paths included."""

        @web.middleware
        async def protect(request: web.Request, handler: Endpoint) -> web.StreamResponse:
            covered = self._protection.covers(request.path) and not is_page(request)
            refused = self._denial(request) if covered else None
            return await handler(request) if refused is None else refused

        return protect

    def _denial(self, request: web.Request) -> web.Response | None:
        refused = refusal(_caller(request), self._token)
        if refused is None:
            return None
        response = web.Response(text=f"{refused.why}\n", status=refused.status)
        if refused.status == HTTPStatus.UNAUTHORIZED:
            response.headers[hdrs.WWW_AUTHENTICATE] = CHALLENGE
        return response


def _caller(request: web.Request) -> Caller:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return Caller(
        peer=peer[0] if isinstance(peer, tuple) else None,
        authorization=request.headers.get(hdrs.AUTHORIZATION),
        host=request.headers.get(hdrs.HOST),
        origin=request.headers.get(hdrs.ORIGIN),
        fetch_site=request.headers.get("Sec-Fetch-Site"),
    )
