"""Seeded faults: their kinds, and rules that inject them at random.

Sources of the errors: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tools.emulator.errors import FRAMEWORK, SqsError, modeled
from tools.emulator.faults import Cut, Fault, Mangling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Make = Callable[["Rule", Mapping[str, Any], Random], "Fault | None"]

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of fault that hits a share of an operation's requests.

    `operation` may be `*`, `queue` narrows it to one queue by name; `seconds` is the longest delay
    of a slow response.
    """

    operation: str
    kind: str
    rate: float = 1.0
    seconds: float = 1.0
    queue: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind}; there are {', '.join(KINDS)}")

    def about(self, operation: str, request: Mapping[str, Any]) -> bool:
        """Whether it applies to a request."""
        if self.operation not in (operation, ANY):
            return False
        name = str(request.get("QueueName") or request.get("QueueUrl") or "")
        return not self.queue or name.rpartition("/")[2] == self.queue


class Rules:
    """An intercept by rules: the first one that hits wins. Randomness is seeded."""

    def __init__(self, rules: Sequence[Rule], seed: object = 0) -> None:
        self._rules = rules
        self._random = Random(str(seed))

    def __call__(self, operation: str, request: Mapping[str, Any]) -> Fault | None:
        for rule in self._rules:
            if not rule.about(operation, request) or self._random.random() >= rule.rate:
                continue
            fault = KINDS[rule.kind](rule, request, self._random)
            if fault is not None:
                return fault
        return None


def _always(**members: Any) -> Make:
    return lambda rule, request, random: Fault(**members, kind=rule.kind)


def _error(name: str, code: str, status: int, why: str) -> Make:
    return _always(error=SqsError(FRAMEWORK + name, code, why, status=status))


def _partial(rule: Rule, request: Mapping[str, Any], random: Random) -> Fault | None:
    """Fail some entries, at least one; None for a request that is no batch."""
    ids = [entry["Id"] for entry in request.get("Entries", ())]
    if not ids:
        return None
    why = "We encountered an internal error. Please try again."
    error = SqsError(FRAMEWORK + "InternalFailure", "InternalError", why, status=500)
    failing = {each for each in ids if random.random() < 0.5} or {random.choice(ids)}
    return Fault(failed_entries=dict.fromkeys(failing, error), kind=rule.kind)


def _slow(rule: Rule, request: Mapping[str, Any], random: Random) -> Fault:
    return Fault(delay_seconds=random.uniform(0, rule.seconds), kind=rule.kind)


def _hang(rule: Rule, request: Mapping[str, Any], random: Random) -> Fault:
    return Fault(cut=random.choice(list(Cut)), silent=True, kind=rule.kind)


def _duplicate(rule: Rule, request: Mapping[str, Any], random: Random) -> Fault:
    return Fault(again=random.random(), kind=rule.kind)


KINDS: Final[Mapping[str, Make]] = {
    "internal_error": _error("InternalFailure", "InternalError", 500, "Please try again."),
    "unavailable": _error("ServiceUnavailableException", "ServiceUnavailable", 503, "Not now."),
    "throttling": _error("ThrottlingException", "ThrottlingException", 400, "Rate exceeded"),
    "request_throttled": _always(
        error=modeled("RequestThrottled", "Rate exceeded", code="RequestThrottled")
    ),
    "expired_token": _error(
        "ExpiredTokenException",
        "ExpiredToken",
        403,
        "The security token included in the request is expired",
    ),
    "access_denied": _error(
        "AccessDeniedException", "AccessDenied", 403, "Access to the resource is denied."
    ),
    "dropped": _always(cut=Cut.BEFORE_EFFECT),
    "lost_reply": _always(cut=Cut.AFTER_EFFECT),
    "partial_failure": _partial,
    "slow": _slow,
    "hang": _hang,
    "cut_json": _always(mangling=Mangling.CUT_JSON),
    "cut_body": _always(mangling=Mangling.CUT_BODY),
    "garbage": _always(mangling=Mangling.GARBAGE),
    "duplicate": _duplicate,
}
