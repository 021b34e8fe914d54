"""What a request says that changes a rollout, or sets weights by hand. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.admin.json_bodies import BadRequestError
from gateway.core.printable import printable
from gateway.core.rollout.verbs import Verb
from gateway.core.routing.override import check_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.routing.route import Route

MAX_BY_CHARS: Final = 100
MAX_REASON_CHARS: Final = 500
BY_DEFAULT: Final = "the API"

_KEYS: Final = ("by", "reason", "full")


@dataclass(frozen=True, slots=True)
class Command:
    """What goes with a verb; `by` and `reason` are printable and bounded."""

    by: str
    reason: str
    full: bool


def parse_command(verb: Verb, query: Mapping[str, str], body: Mapping[str, Any]) -> Command:
    """Return what a verb's query and body say, the body first; raises BadRequestError."""
    for key in body:
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise BadRequestError(f"the body has the key {key}; there are: {known}")
    full = _flag(body["full"] if "full" in body else query.get("full", "false"))
    if full and verb is not Verb.PROMOTE:
        raise BadRequestError(f"full goes with promote, not with {verb}")
    by = body.get("by", query.get("by", ""))
    reason = body.get("reason", query.get("reason", ""))
    return Command(caller_name(by), _text("reason", reason)[:MAX_REASON_CHARS], full)


def caller_name(given: object) -> str:
    """Return what a caller says it is, printable and bounded; raises BadRequestError."""
    return _text("by", given)[:MAX_BY_CHARS] or BY_DEFAULT


def parse_weights(route: Route, body: Mapping[str, Any]) -> dict[str, int]:
    """Return the weights that a body sets, by version; raises WeightsError."""
    check_weights(route, body)
    return dict(body)


def _flag(given: object) -> bool:
    match given:
        case True | "true":
            return True
        case False | "false":
            return False
        case _:
            raise BadRequestError("full is true or false")


def _text(key: str, given: object) -> str:
    if not isinstance(given, str):
        raise BadRequestError(f"{key} is no text")
    return printable(given.strip())
