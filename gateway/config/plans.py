"""Compiles `rollout`, `rollback` and `strict` of a route into the plan of core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.config.schema.rollout import Begins
from gateway.core.rollout import plan
from gateway.core.rollout.judge import Bounds

if TYPE_CHECKING:
    from gateway.config.schema import rollout, routing_file
    from gateway.core.routing.version import Version


def compile_plan(
    spec: routing_file.Route, versions: tuple[Version, ...], stable: Version
) -> plan.Plan | None:
    """Return the plan, or None for a route that nothing judges."""
    parts = [part for part in (spec.rollout, spec.rollback) if part is not None]
    if not parts and not _judged_for_controllers(spec):
        return None
    wanted = next((part.canary for part in parts if part.canary), None)
    canary = next(
        version
        for version in versions
        if version.name == wanted or (wanted is None and version is not stable)
    )
    return plan.Plan(
        canary=canary.name,
        address=canary.url if canary.queue is None else canary.queue.text,
        tag=canary.tag,
        revision=next((part.revision for part in parts if part.revision), ""),
        rollout=None if spec.rollout is None else _rollout(spec.rollout),
        rollback=None if spec.rollback is None else _rollback(spec.rollback),
        bounds=Bounds() if spec.rollout is None else _bounds(spec.rollout),
        strict=spec.strict,
    )


def _judged_for_controllers(spec: routing_file.Route) -> bool:
    """Whether a route has a verdict for those who move its weights elsewhere.

    It follows an object, and there is one version that can be on trial.
    """
    return spec.follow is not None and len(spec.versions) == 2  # noqa: PLR2004 - stable and another


def _rollout(spec: rollout.Rollout) -> plan.Rollout:
    return plan.Rollout(
        steps=tuple(
            plan.Step(step.weight, spec.every if step.every is None else step.every, step.pause)
            for step in spec.steps
        ),
        min_messages=spec.min_messages,
        starts_by_itself=spec.start is Begins.AUTO,
        deadline_seconds=spec.deadline,
        on_deadline=spec.on_deadline,
        on_failure=spec.on_failure,
    )


def _bounds(spec: rollout.Rollout) -> Bounds:
    return Bounds(
        max_failure_ratio=spec.max_failure_ratio,
        max_p99_seconds=spec.max_p99,
        margin=spec.compare.margin,
        tolerance=spec.compare.tolerance,
    )


def _rollback(spec: rollout.Rollback) -> plan.Rollback:
    return plan.Rollback(
        max_failure_ratio=spec.max_failure_ratio,
        window_seconds=spec.window,
        min_messages=spec.min_messages,
        cooldown_seconds=spec.cooldown,
        then=spec.then,
    )
