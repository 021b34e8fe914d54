"""Events as log lines: one for each change of state, none for normal traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

import structlog

from gateway.adapters.telemetry.log_throttle import Flips, SharedThrottles
from gateway.adapters.telemetry.log_tracing import log_tracing
from gateway.core import events
from gateway.core.delivery.disposition import Malformed, describe
from gateway.core.routing.mesh.events import FollowChanged
from gateway.core.tracing.events import SpansEnded, TracingStarted, TracingUnavailable

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

_CHECK_THE_QUEUE: Final = (
    "check that the queue exists in that account and region, and that the gateway may call"
    " sqs:GetQueueUrl, sqs:GetQueueAttributes and sqs:ReceiveMessage on it"
)
_MALFORMED: Final = (
    "the service may have done the work each time: mend its response (its framing above all), or"
    " set `client: httpx` on the version, which judges some responses otherwise"
)


class LogObserver:
    """An Observer. Lines show a message's id and nothing else of it, and no header of a delivery.

    With a `route` it is for the events of that one, and its lines name the route's queue: a route
    that a reload replaced drains under the same name, perhaps on another queue.
    """

    def __init__(
        self, throttles: SharedThrottles | None = None, route: Route | None = None
    ) -> None:
        self._log = structlog.stdlib.get_logger("gateway")
        self._shared = throttles or SharedThrottles()
        self._queues = {} if route is None else {route.name: route.queue.text}
        self._receives = Flips(self._shared.clock)
        self._settlements = Flips(self._shared.clock)
        self._phases: dict[str, events.Phase] = {}
        self._failures: dict[str, str] = {}

    def observe(self, event: events.Event) -> None:  # noqa: C901, PLR0912 - one case for each event
        """Write a line if the event is news."""
        match event:
            case events.Decided() | events.VersionQueueDepth():
                pass
            case events.Acked(route, version):
                self._version_worked(route, version)
            case events.Received() | events.ReceiveFailed():
                self._receive_ended(event)
            case events.Settled() | events.SettlementFailed():
                self._settlement_ended(event)
            case events.Delivered():
                self._delivered(event)
            case events.Mirrored():
                self._mirrored(event)
            case events.MessageUnreadable():
                self._message_unreadable(event)
            case events.ForwardedUnstamped(route, version):
                self._forwarded_unstamped(route, version)
            case events.AttributesDropped() | events.DeliveryCrashed() | events.LeaseCapped():
                self._message_in_trouble(event)
            case events.HeaderFileUnusable(version, header, path, why):
                about = {"version": version, "header": header, "file": path, "why": why}
                self._log.warning("file of a header cannot be used; its last value stays", **about)
            case events.PhaseChanged() | events.RouteWarned():
                self._route_changed(event)
            case events.Listening(host, port):
                self._log.info("admin port listens", host=host, port=port)
            case events.Reloaded() | events.ReloadFailed():
                self._reload_ended(event)
            case events.RolloutChanged() | events.StateProblems():
                self._rollout_changed(event)
            case FollowChanged():
                self._follow_changed(event)
            case TracingStarted() | TracingUnavailable() | SpansEnded():
                log_tracing(self._log, self._shared, event)
            case events.TableInForce():
                pass  # Reloaded, which comes with it, makes the line
            case _:
                assert_never(event)

    def _rollout_changed(self, event: events.RolloutChanged | events.StateProblems) -> None:
        if isinstance(event, events.StateProblems):
            if event.problems:
                self._log.warning("state of rollouts is in trouble", why="; ".join(event.problems))
            else:
                self._log.info("state of rollouts is in order again")
            return
        entry = event.entry
        about = {
            "route": event.route,
            "action": entry.action,
            "by": entry.by,
            "weight_before": entry.weight_before,
            "weight": entry.weight_after,
            "why": entry.reason,
        }
        if event.rolled_back is None:
            self._log.info("rollout changed", **about)
        elif event.here:
            self._log.warning("canary rolled back", **about)
        else:
            self._log.info("canary rolled back by another replica", **about)

    def _follow_changed(self, event: FollowChanged) -> None:
        about: dict[str, Any] = {"route": event.route, "object": event.object}
        if event.left_out:
            about["changes_not_logged"] = event.left_out
        if not event.valid:
            why = event.problem or "it has not been read yet"
            self._log.warning("followed object cannot be taken", **about, why=why)
        elif not event.found:
            self._log.warning("followed object does not exist; stable gets all", **about)
        elif event.not_applied:
            self._log.warning(
                "followed object is not for these producers; stable gets all",
                **about,
                why=event.not_applied,
            )
        else:
            notes = {"not_obeyed": list(event.notes)} if event.notes else {}
            self._log.info("followed object in force", **about, **notes)

    def _version_worked(self, route: str, version: str) -> None:
        failures = self._shared.versions.worked((route, version))
        if failures is not None:
            about = {"route": route, "version": version}
            self._log.info("version works again", **about, failures=failures)

    def _delivered(self, event: events.Delivered) -> None:
        version = (event.route, event.version)
        match event.outcome:
            case events.Outcome.ACK:
                pass
            case events.Outcome.RETRY | events.Outcome.FALLBACK:
                if isinstance(event.result, Malformed) and version not in self._shared.malformed:
                    self._shared.malformed.add(version)
                    about = {**_delivery(event), "what_to_do": _MALFORMED}
                    self._log.warning("response is malformed, so a delivery is repeated", **about)
                suppressed = self._shared.versions.failed(version)
                if suppressed is not None:
                    self._log.warning("version fails", **_delivery(event), **_left_out(suppressed))
            case events.Outcome.REJECT:
                suppressed = self._shared.rejects.admit(version)
                if suppressed is not None:
                    self._log.warning(
                        "message rejected", **_delivery(event), **_left_out(suppressed)
                    )

    def _mirrored(self, event: events.Mirrored) -> None:
        key, about = (event.route, event.version), {"route": event.route, "version": event.version}
        match event.outcome:
            case events.CopyOutcome.SENT:
                failures = self._shared.mirrors.worked(key)
                if failures is not None:
                    self._log.info("mirror works again", **about, failures=failures)
            case events.CopyOutcome.FAILED:
                suppressed = self._shared.mirrors.failed(key, event.messages)
                if suppressed is not None:
                    about["why"] = event.why
                    self._log.warning(
                        "mirror fails; no delivery waits for it", **about, **_left_out(suppressed)
                    )
            case events.CopyOutcome.DROPPED:
                pass  # it is slow: what then fails makes the line
            case _:
                assert_never(event.outcome)

    def _receive_ended(self, event: events.Received | events.ReceiveFailed) -> None:
        key = (event.route,)
        if isinstance(event, events.Received):
            failures = self._receives.worked(key)
            if failures is not None:
                self._log.info("receives work again", **self._queue(event.route), failures=failures)
            return
        suppressed = self._receives.failed(key)
        if suppressed is not None:
            about = self._queue(event.route)
            self._log.warning("receives fail", **about, why=event.why, **_left_out(suppressed))

    def _settlement_ended(self, event: events.Settled | events.SettlementFailed) -> None:
        key = (event.route, event.action)
        if isinstance(event, events.Settled):
            failures = self._settlements.worked(key)
            if failures is not None:
                about = {**self._queue(event.route), "action": event.action.value}
                self._log.info("settlements work again", **about, failures=failures)
            return
        # A lost lease concerns one message; any other failure lasts until the queue has recovered.
        lost = event.lease_lost
        suppressed = self._shared.lost_leases.admit(key) if lost else self._settlements.failed(key)
        if suppressed is not None:
            self._log.warning(
                "settlement failed",
                **self._queue(event.route),
                action=event.action.value,
                messages=event.messages,
                why=event.why,
                lease_lost=event.lease_lost,
                **_left_out(suppressed),
            )

    def _forwarded_unstamped(self, route: str, version: str) -> None:
        suppressed = self._shared.unstamped.admit((route, version))
        if suppressed is not None:
            about = {"route": route, "version": version, **_left_out(suppressed)}
            self._log.warning("message forwarded without its tag: it has no room", **about)

    def _message_unreadable(self, event: events.MessageUnreadable) -> None:
        suppressed = self._shared.unreadable.admit((event.route,))
        if suppressed is not None:
            self._log.warning(
                "message cannot be read; it is left alone until its lease ends",
                **self._queue(event.route),
                message_id=event.message_id,
                why=event.why,
                **_left_out(suppressed),
            )

    def _message_in_trouble(
        self, event: events.AttributesDropped | events.DeliveryCrashed | events.LeaseCapped
    ) -> None:
        about = {"route": event.route, "message_id": event.message_id}
        if isinstance(event, events.AttributesDropped):
            left_out = list(event.names)
            self._log.warning("dead-letter copy lacks attributes", **about, names=left_out)
            return
        if isinstance(event, events.LeaseCapped):
            self._log.warning("message released: in flight for nearly SQS's 12 hours", **about)
            return
        suppressed = self._shared.crashes.admit((event.route, type(event.error).__qualname__))
        if suppressed is not None:
            self._log.error(
                "delivery crashed", **about, **_left_out(suppressed), exc_info=event.error
            )

    def _route_changed(self, event: events.PhaseChanged | events.RouteWarned) -> None:
        if isinstance(event, events.PhaseChanged):
            self._phase_changed(event)
            return
        about = self._queue(event.route)
        self._log.warning(event.what, **about, what_to_do=event.what_to_do)

    def _phase_changed(self, event: events.PhaseChanged) -> None:
        """Log a failure once for each reason, a recovery, and otherwise each new phase."""
        about, before = self._queue(event.route), self._phases.get(event.route)
        self._phases[event.route] = event.phase
        if event.phase is events.Phase.STOPPING:
            self._failures.pop(event.route, None)
        match event.phase:
            case events.Phase.FAILED:
                if self._failures.get(event.route) != event.why:
                    self._failures[event.route] = event.why
                    what_to_do = event.what_to_do or _CHECK_THE_QUEUE
                    self._log.error("route failed", **about, why=event.why, what_to_do=what_to_do)
            case events.Phase.POLLING if self._failures.pop(event.route, None) is not None:
                self._log.info("route works again", **about)
            case events.Phase.STARTING if event.route in self._failures:
                pass  # a route that failed is trying again
            case phase if phase is not before:
                self._log.info(f"route is {phase}", **about)

    def _reload_ended(self, event: events.Reloaded | events.ReloadFailed) -> None:
        if isinstance(event, events.ReloadFailed):
            self._log.error(
                "routing file refused; the last good one stays in force",
                generation=event.generation,
                problems=list(event.problems),
            )
            return
        self._log.info(
            "routing file in force",
            generation=event.generation,
            added=list(event.added),
            changed=list(event.changed),
            removed=list(event.removed),
        )

    def _queue(self, route: str) -> dict[str, str]:
        queue = self._queues.get(route)
        return {"route": route} if queue is None else {"route": route, "queue": queue}


def _delivery(event: events.Delivered) -> dict[str, str]:
    about = {"route": event.route, "version": event.version, "message_id": event.message_id}
    return {**about, "outcome": event.outcome.value, "why": describe(event.result)}


def _left_out(suppressed: int) -> dict[str, Any]:
    """Return the field that says how many lines like this one were suppressed before it."""
    return {"suppressed": suppressed} if suppressed else {}
