"""What a route follows in a few words, from its `follow` in `GET /api/routes`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.table import Cell
from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping


def followed(route: Mapping[str, Any]) -> Cell:
    """Return the object's namespace and name, with a mark where it is not what decides."""
    follow = route.get("follow")
    if not follow:
        return Cell("-")
    name = printable(follow["object"]).rpartition(" ")[2]
    mark, style = _mark(follow)
    return Cell(f"{name} ({mark})" if mark else name, style)


def follow_problem(route: Mapping[str, Any]) -> str:
    """Return what is wrong with the object in words; empty where the route's `why` has it."""
    follow = route.get("follow") or {}
    why = follow.get("problem") or follow.get("not_applied") or ""
    return "" if not why or why in route["why"] else f"{follow['object']}: {why}"


def _mark(follow: Mapping[str, Any]) -> tuple[str, str]:
    if not follow.get("read", True):
        return "not read", "attention"
    if not follow["valid"]:
        return "not valid", "bad"
    if not follow["found"]:
        return "not found", "attention"
    return ("not applied", "attention") if follow["not_applied"] else ("", "")
