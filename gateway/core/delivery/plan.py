"""What all deliveries that follow one decision to one version have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.core.delivery.dialect import USUAL_DIALECT, HeaderDialect
from gateway.core.header_budget import DEFAULT_MAX_HEADER_BYTES

if TYPE_CHECKING:
    from gateway.core.routing.decision import Reason


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """From a decision to a version; a target renders once what its messages share.

    `tag` is that of the version a message belongs to, `version` the name of the one that gets it:
    a fallback delivers a canary's message to stable.
    `max_header_bytes` are for the head of a request, and some of them for what sidecars add.
    """

    route: str
    queue: str
    tag: str
    version: str
    reason: Reason
    timeout_seconds: float
    max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES
    dialect: HeaderDialect = USUAL_DIALECT
