"""What happens to followed objects, as events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FollowChanged:
    """What a route follows is in force anew, was refused, is gone or out of reach, or is back.

    `problem` says why it is not `valid`; the last good object then stays in force. `left_out`: how
    many changes before this one were not told, since there were too many.
    """

    route: str
    object: str
    found: bool
    valid: bool
    problem: str = ""
    not_applied: str = ""
    notes: tuple[str, ...] = ()
    left_out: int = 0
