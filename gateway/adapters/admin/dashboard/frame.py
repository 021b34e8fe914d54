"""What the dashboard is sent: a frame each second, and before the first one what was before.

docs/reference/admin-api.md has the members.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.admin.json_bodies import iso_time
from gateway.adapters.admin.rollout_view import rollout_json
from gateway.adapters.admin.routes_view import routes_view
from gateway.core.events import Outcome
from gateway.core.history import History
from gateway.ports import VersionMeasurements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.adapters.admin.dashboard.decisions import DecisionLog, Row
    from gateway.follow_port import FollowView
    from gateway.ports import Control, Measurements, RouteStates
    from gateway.rollout_port import Rollouts

_FAILED: Final = (Outcome.RETRY, Outcome.REJECT, Outcome.FALLBACK)
_NOTHING: Final = VersionMeasurements()
_NO_HISTORY: Final = History()


class Frames:
    """Makes the frames of all dashboards; `now` is Unix time."""

    def __init__(
        self,
        states: RouteStates,
        control: Control,
        measurements: Measurements,
        rollouts: Rollouts,
        follows: Callable[[], Sequence[FollowView]],
        log: DecisionLog,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._states = states
        self._control = control
        self._measurements = measurements
        self._rollouts = rollouts
        self._follows = follows
        self._log = log
        self._now = now
        self._made_at = 0.0
        self._ended: dict[tuple[str, str], tuple[int, int]] = {}

    def history(self) -> dict[str, Any]:
        """Return the past: the points of each version, and the last decisions of each route."""
        names = [view.route.name for view in self._states.views()]
        return {
            "routes": {
                name: {
                    "versions": {
                        version: {"fine": each.fine, "coarse": each.coarse}
                        for version, each in self._measurements.history(name).items()
                    },
                    "decisions": self._log.kept(name),
                }
                for name in names
            }
        }

    def next(self) -> dict[str, Any]:
        """Return the next frame: how things are, and what happened since the last one."""
        since, self._made_at = self._made_at, self._now()
        views, rollouts = self._states.views(), self._rollouts.views()
        generation = self._control.generation
        whole = routes_view(views, generation, self._measurements, rollouts, self._follows())
        decisions = self._log.take([view.route.name for view in views])
        ended, self._ended = self._ended, {}
        stable = {view.route.name: view.route.stable.name for view in views}
        shown = {
            each.route: rollout_json(each, stable[each.route])
            for each in rollouts
            if each.route in stable
        }
        for route in whole["routes"]:
            self._complete(route, since, ended, decisions)
            route["rollout"] = shown.get(route["name"])
        told = (*whole["config"]["problems"], *(each for one in rollouts for each in one.problems))
        return {"at": iso_time(self._made_at), "problems": list(dict.fromkeys(told)), **whole}

    def _complete(
        self,
        route: dict[str, Any],
        since: float,
        ended: Mapping[tuple[str, str], tuple[int, int]],
        decisions: Mapping[str, list[Row]],
    ) -> None:
        name = route["name"]
        measured = self._measurements.measure(name).versions
        history = self._measurements.history(name, since) if since else {}
        for version in route["versions"]:
            at = name, version["name"]
            of = measured.get(version["name"], _NOTHING)
            acked, failed = self._ended[at] = _ended(of)
            before = ended.get(at, (acked, failed) if not since else (0, 0))
            points = history.get(version["name"], _NO_HISTORY)
            version["second"] = {"acked": acked - before[0], "failed": failed - before[1]}
            version["fine"], version["coarse"] = points.fine, points.coarse
            version["depth"] = of.depth
        route["decisions"] = decisions[name]

    def forget(self) -> None:
        """Begin anew with the next frame: no dashboard is open."""
        self._made_at, self._ended = 0.0, {}
        self._log.clear()


def _ended(measured: VersionMeasurements) -> tuple[int, int]:
    deliveries = measured.deliveries
    return deliveries.get(Outcome.ACK, 0), sum(deliveries.get(each, 0) for each in _FAILED)
