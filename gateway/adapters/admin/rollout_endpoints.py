"""Rollouts over the admin port: what there is to see of a route's, and what changes it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway.adapters.admin.json_bodies import BadRequestError, error_response, read_object
from gateway.adapters.admin.rollout_requests import caller_name, parse_command, parse_weights
from gateway.adapters.admin.rollout_view import rollout_json, verdict_json
from gateway.core.rollout.verbs import PhaseConflictError, Verb
from gateway.rollout_port import UnknownRouteError, WeightsError
from gateway.state_port import StateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.admin.guard import Endpoint
    from gateway.core.routing.route import Route
    from gateway.ports import RouteStates
    from gateway.rollout_port import Rollouts, RolloutView

_ROUTE: Final = "/api/routes/{route:[^/]+}"
_VERBS: Final = "|".join(Verb)


class RolloutEndpoints:
    """The endpoints below `/api/routes/{route}`."""

    def __init__(self, rollouts: Rollouts, states: RouteStates) -> None:
        self._rollouts = rollouts
        self._states = states

    def add_to(self, router: web.UrlDispatcher, guarded: Callable[[Endpoint], Endpoint]) -> None:
        """Add the paths; what `guarded` returns is for callers who may change something."""
        router.add_get(f"{_ROUTE}/rollout", _explaining(self._rollout))
        router.add_get(f"{_ROUTE}/verdict", _explaining(self._verdict))
        router.add_post(f"{_ROUTE}/rollout/{{verb:{_VERBS}}}", guarded(_explaining(self._command)))
        router.add_put(f"{_ROUTE}/weights", guarded(_explaining(self._set_weights)))
        router.add_delete(f"{_ROUTE}/weights", guarded(_explaining(self._clear_weights)))

    async def _rollout(self, request: web.Request) -> web.Response:
        route = self._route(request)
        return _shown(self._rollouts.view(route.name), route)

    async def _verdict(self, request: web.Request) -> web.Response:
        route = self._route(request)
        return web.json_response(verdict_json(self._rollouts.view(route.name)))

    async def _command(self, request: web.Request) -> web.Response:
        route = self._route(request)
        verb = Verb(request.match_info["verb"])
        asked = parse_command(verb, request.query, await read_object(request))
        try:
            view = await self._rollouts.command(
                route.name, verb, full=asked.full, by=asked.by, reason=asked.reason
            )
        except PhaseConflictError as conflict:
            phase = self._rollouts.view(route.name).phase
            return error_response(HTTPStatus.CONFLICT, _with_phase(str(conflict), phase))
        return _shown(view, route)

    async def _set_weights(self, request: web.Request) -> web.Response:
        route = self._route(request)
        by = caller_name(request.query.get("by", ""))
        weights = parse_weights(route, await read_object(request))
        return _shown(await self._rollouts.set_weights(route.name, weights, by=by), route)

    async def _clear_weights(self, request: web.Request) -> web.Response:
        route = self._route(request)
        by = caller_name(request.query.get("by", ""))
        return _shown(await self._rollouts.clear_weights(route.name, by=by), route)

    def _route(self, request: web.Request) -> Route:
        """Return the route that the path names; raises UnknownRouteError."""
        name = request.match_info["route"]
        routes = [view.route for view in self._states.views()]
        for route in routes:
            if route.name == name:
                return route
        there_are = ", ".join(route.name for route in routes) or "none"
        raise UnknownRouteError(f"no route has this name; there are: {there_are}")


def _shown(view: RolloutView, route: Route) -> web.Response:
    return web.json_response(rollout_json(view, route.stable.name))


def _with_phase(why: str, phase: str) -> str:
    return why if phase in why else f"{why}; its phase is {phase}"


def _explaining(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with what it raises as a status and a sentence."""

    async def explaining(request: web.Request) -> web.StreamResponse:
        try:
            return await endpoint(request)
        except BadRequestError as error:
            return error_response(error.status, str(error))
        except UnknownRouteError as error:
            return error_response(HTTPStatus.NOT_FOUND, str(error))
        except WeightsError as error:
            return error_response(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except StateError as error:
            return error_response(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    return explaining
