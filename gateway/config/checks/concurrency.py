"""Checks that the bounds of limits that find themselves fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.config.checks.rules import Versions
from gateway.config.problems.findings import Finding, as_mapping
from gateway.config.schema.concurrency import DEFAULT_MAX, DEFAULT_MIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.problems.findings import Path


def limit_findings(route: dict[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with the limits of a route and its versions."""
    yield from _of_limit((), route)
    for name, version in Versions.of(route).names.items():
        yield from _of_limit(("versions", name), as_mapping(version))


def _of_limit(path: Path, owner: dict[str, Any]) -> Iterator[Finding]:
    limit = as_mapping(owner.get("max_in_flight"))
    low, high = limit.get("min", DEFAULT_MIN), limit.get("max", DEFAULT_MAX)
    if type(low) is not int or type(high) is not int or low <= high:
        return  # what is no number is reported by `schema`
    place = (*path, "max_in_flight")
    if "max" not in limit:
        what = f"is above max, which is {DEFAULT_MAX:,} by default"
        yield Finding((*place, "min"), what, "set max too")
    elif "min" not in limit:
        what = f"is below min, which is {DEFAULT_MIN} by default"
        yield Finding((*place, "max"), what, "set min too")
    else:
        yield Finding((*place, "min"), "is above max")
