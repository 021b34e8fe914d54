"""Checks of a route's rollout and rollback: which version is on trial, and steps that can pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.config.problems.findings import (
    Finding,
    InvalidValue,
    add_prefix,
    as_list,
    as_mapping,
    quote,
)
from gateway.config.schema import durations
from gateway.config.schema.fields import HUNDRED
from gateway.config.schema.rollout import DEFAULT_STEPS, Compare, Rollout
from gateway.core.rollout.plan import Then

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.checks.rules import Versions

_DEFAULT: Final = Rollout()
_STABLE: Final = Compare().to


def rollout_findings(route: dict[str, Any], versions: Versions) -> Iterator[Finding]:
    """Yield what does not fit together in `rollout`, `rollback` and `strict` of a route."""
    yield from _keys_together(route)
    rollout, rollback = route.get("rollout"), route.get("rollback")
    if isinstance(rollout, dict):
        found = (
            *_canary(rollout, versions),
            *add_prefix(("steps",), _rising(as_list(rollout.get("steps")))),
            *_compare(as_mapping(rollout.get("compare")), versions),
            *_deadline(rollout),
        )
        yield from add_prefix(("rollout",), found)
    if isinstance(rollback, dict):
        beside = isinstance(rollout, dict)
        one = _same_trial(as_mapping(rollout), rollback, versions) if beside else ()
        found = (*(one or _canary(rollback, versions, may_be_missing=beside)),)
        if "follow" in route and rollback.get("then") == Then.PROBE:
            hint = "the object has the weights; say manual"
            found = (*found, Finding(("then",), "cannot be probe beside `follow`", hint))
        yield from add_prefix(("rollback",), found)


def _keys_together(route: dict[str, Any]) -> Iterator[Finding]:
    if "rollout" in route and "split" in route:
        what = "cannot stand beside `split`"
        yield Finding(("rollout",), what, "remove one; its steps are the canary's weights")
    if "rollback" in route and not route.keys() & {"rollout", "split", "follow"}:
        what = "does nothing without `split`, `rollout` or `follow`"
        yield Finding(("rollback",), what, "add the one that gives the canary its weight")
    if route.get("strict") is True and "rollout" not in route and "rollback" not in route:
        yield Finding(("strict",), "does nothing without `rollout` or `rollback`", "remove it")


def _canary(
    part: dict[str, Any], versions: Versions, *, may_be_missing: bool = False
) -> Iterator[Finding]:
    """Yield a version on trial that is unknown, stable, or not made clear."""
    if "canary" in part:
        yield from add_prefix(("canary",), versions.unknown(part["canary"]))
        if versions.stable is not None and part["canary"] == versions.stable:
            what = "is the stable version"
            yield Finding(("canary",), what, "name the version that is to be tried")
        return
    others = _others(versions)
    if versions.stable is None or len(others) == 1 or may_be_missing:
        return
    if others:
        yield Finding(
            ("canary",), "missing", f"which one is on trial: {', '.join(others)}", absent=True
        )
    else:
        yield Finding((), "has no version to try", "add one beside the stable version")


def _others(versions: Versions) -> list[str]:
    return [name for name in versions.names if name != versions.stable]


def _same_trial(
    rollout: dict[str, Any], rollback: dict[str, Any], versions: Versions
) -> tuple[Finding, ...]:
    """Return what a rollback says otherwise than the rollout beside it: there is one trial."""
    others = _others(versions)
    usual = {"canary": others[0]} if len(others) == 1 else {}
    said = {**usual, **rollout}
    return tuple(
        Finding((key,), f"is not that of `rollout`, {quote(said[key])}", "remove it")
        if key in said
        else Finding((key,), "is not in `rollout`", "say it in `rollout` alone")
        for key in ("canary", "revision")
        if isinstance(rollback.get(key), str)
        and isinstance(said.get(key, ""), str)
        and rollback[key] != said.get(key)
    )


def _rising(steps: list[Any]) -> Iterator[Finding]:
    """Yield steps whose weight does not rise; those out of range are reported by `schema`."""
    before = 0
    for at, step in enumerate(steps):
        weight = step.get("weight") if isinstance(step, dict) else step
        if type(weight) is not int or not 1 <= weight <= HUNDRED:
            continue
        path = (at, "weight") if isinstance(step, dict) else (at,)
        if before == HUNDRED:
            yield Finding(path, "comes after 100, which is all", "remove it")
        elif weight <= before:
            yield Finding(path, f"is not above {before}, a step before it", "steps rise")
        before = max(before, weight)


def _compare(compare: dict[str, Any], versions: Versions) -> Iterator[Finding]:
    to = compare.get("to", _STABLE)
    if not isinstance(to, str) or not to or to in (_STABLE, versions.stable):
        return
    if versions.stable is not None:
        hint = "a canary is compared with the stable version alone"
        yield Finding(("compare", "to"), "must be stable", hint)


def _deadline(rollout: dict[str, Any]) -> Iterator[Finding]:
    """Yield steps that last until their deadline, so that they could never pass in time."""
    every = _seconds(rollout.get("every", _DEFAULT.every))
    deadline = _seconds(rollout.get("deadline", _DEFAULT.deadline))
    if every is None or deadline is None:
        return
    end = durations.format_seconds(deadline)
    usual = False
    for at, step in enumerate(as_list(rollout.get("steps", list(DEFAULT_STEPS)))):
        own = as_mapping(step).get("every")
        usual = usual or own is None
        if own is not None and (_seconds(own) or 0) >= deadline:
            path = ("steps", at, "every")
            yield Finding(path, f"is not below `deadline`, {end}", "a step must pass before it")
    if usual and every >= deadline:
        yield _never_in_time(rollout, every, end)


def _never_in_time(rollout: dict[str, Any], every: float, end: str) -> Finding:
    if "every" not in rollout:
        what = f"is not above `every`, which is {durations.format_seconds(every)} by default"
        return Finding(("deadline",), what, "set every too")
    by_default = "" if "deadline" in rollout else ", by default"
    what = f"is not below `deadline`, {end}{by_default}"
    return Finding(("every",), what, "a step must pass before it")


def _seconds(value: Any) -> float | None:
    try:
        return durations.seconds(value)
    except InvalidValue:  # reported by `schema`
        return None
