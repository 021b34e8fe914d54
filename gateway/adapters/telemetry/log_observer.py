"""Facts as log lines: one for each change of state, none for normal traffic."""

from __future__ import annotations

import time
from copy import copy
from typing import TYPE_CHECKING, Any, Final, assert_never

import structlog

from gateway.adapters.telemetry.log_throttle import Flips, LogThrottle
from gateway.core import events
from gateway.core.delivery.disposition import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.route import Route

_WHAT_TO_DO: Final = (
    "check that the queue exists in that account and region, and that the gateway may call"
    " sqs:GetQueueUrl, sqs:GetQueueAttributes and sqs:ReceiveMessage on it"
)


class LogObserver:
    """An Observer. Lines name no more of a message than its id, and of a delivery no header."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = structlog.stdlib.get_logger("gateway")
        self._clock = clock
        self._versions = Flips(clock)
        self._rejects, self._losses, self._crashes = (LogThrottle(clock) for _ in range(3))
        self._begin({})

    def of(self, route: Route) -> LogObserver:
        """Return one for a route at work: it names the queue of that, whatever is in force.

        A route that a reload replaced drains under the same name, perhaps on another queue.
        """
        own = copy(self)
        own._begin({route.name: route.queue.text})  # noqa: SLF001 - its own kind
        return own

    def _begin(self, queues: dict[str, str]) -> None:
        self._queues = queues
        self._receives, self._settlements = Flips(self._clock), Flips(self._clock)
        self._phases: dict[str, events.Phase] = {}
        self._failures: dict[str, str] = {}

    def observe(self, event: events.Event) -> None:
        """Write a line if there is something new to say."""
        match event:
            case events.Decided():
                pass
            case events.Acked(route, version):
                self._version_worked(route, version)
            case events.Received() | events.ReceiveFailed():
                self._receive_ended(event)
            case events.Settled() | events.SettlementFailed():
                self._settlement_ended(event)
            case events.Delivered():
                self._delivered(event)
            case events.AttributesDropped() | events.DeliveryCrashed() | events.LeaseCapped():
                self._message_troubled(event)
            case events.PhaseChanged():
                self._phase_changed(event)
            case events.Listening(host, port):
                self._log.info("admin port listens", host=host, port=port)
            case events.Reloaded() | events.ReloadFailed():
                self._reload_ended(event)
            case _:
                assert_never(event)

    def _version_worked(self, route: str, version: str) -> None:
        failures = self._versions.worked((route, version))
        if failures is not None:
            about = {"route": route, "version": version}
            self._log.info("version works again", **about, failures=failures)

    def _delivered(self, event: events.Delivered) -> None:
        version = (event.route, event.version)
        match event.outcome:
            case events.Outcome.ACK:
                pass
            case events.Outcome.RETRY | events.Outcome.FALLBACK:
                suppressed = self._versions.failed(version)
                if suppressed is not None:
                    self._log.warning("version fails", **_delivery(event), **_unsaid(suppressed))
            case events.Outcome.REJECT:
                suppressed = self._rejects.admit(version)
                if suppressed is not None:
                    self._log.warning("message rejected", **_delivery(event), **_unsaid(suppressed))

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
            self._log.warning("receives fail", **about, why=event.why, **_unsaid(suppressed))

    def _settlement_ended(self, event: events.Settled | events.SettlementFailed) -> None:
        key = (event.route, event.action)
        if isinstance(event, events.Settled):
            failures = self._settlements.worked(key)
            if failures is not None:
                about = {**self._queue(event.route), "action": event.action.value}
                self._log.info("settlements work again", **about, failures=failures)
            return
        # A lease that is lost is one message's trouble; all else is the queue's, until it is over.
        lost = event.lease_lost
        suppressed = self._losses.admit(key) if lost else self._settlements.failed(key)
        if suppressed is not None:
            self._log.warning(
                "settlement failed",
                **self._queue(event.route),
                action=event.action.value,
                messages=event.messages,
                why=event.why,
                lease_lost=event.lease_lost,
                **_unsaid(suppressed),
            )

    def _message_troubled(
        self, event: events.AttributesDropped | events.DeliveryCrashed | events.LeaseCapped
    ) -> None:
        about = {"route": event.route, "message_id": event.message_id}
        if isinstance(event, events.AttributesDropped):
            left_out = list(event.names)
            self._log.warning("dead-letter copy lacks attributes", **about, names=left_out)
            return
        if isinstance(event, events.LeaseCapped):
            self._log.warning("message given back: in hand for nearly SQS's 12 hours", **about)
            return
        suppressed = self._crashes.admit((event.route, type(event.error).__qualname__))
        if suppressed is not None:
            unsaid = _unsaid(suppressed)
            self._log.error("delivery crashed", **about, **unsaid, exc_info=event.error)

    def _phase_changed(self, event: events.PhaseChanged) -> None:
        """Say a failure once for each reason, a recovery, and otherwise each new phase."""
        about, before = self._queue(event.route), self._phases.get(event.route)
        self._phases[event.route] = event.phase
        if event.phase is events.Phase.STOPPING:
            self._failures.pop(event.route, None)
        match event.phase:
            case events.Phase.FAILED:
                if self._failures.get(event.route) != event.why:
                    self._failures[event.route] = event.why
                    self._log.error("route failed", **about, why=event.why, what_to_do=_WHAT_TO_DO)
            case events.Phase.POLLING if self._failures.pop(event.route, None) is not None:
                self._log.info("route works again", **about)
            case events.Phase.STARTING if event.route in self._failures:
                pass  # the next try of a route that failed
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


def _unsaid(suppressed: int) -> dict[str, Any]:
    """Return the field that says how many lines like this one were left out before it."""
    return {"suppressed": suppressed} if suppressed else {}
