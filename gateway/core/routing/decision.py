"""Which version a message belongs to, and why (docs/reference/decisions.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from gateway.core.routing.version import Version


class Reason(StrEnum):
    """Why a version gets a message; FALLBACK and MIRROR are a delivery's, never a decision's."""

    PINNED = "pinned"
    UNKNOWN_VERSION = "unknown_version"
    RULE = "rule"
    SPLIT = "split"
    DEFAULT = "default"
    FALLBACK = "fallback"
    MIRROR = "mirror"


DECISION_REASONS: Final = tuple(
    reason for reason in Reason if reason not in (Reason.FALLBACK, Reason.MIRROR)
)
"""The reasons that a decision may have."""


class Decision(NamedTuple):
    """The version of a message, the reason, and the rule and bucket (0..9999) that led to it.

    `version` is None where the message is retried until its route has the version that it names.
    A tuple, since a frozen dataclass takes several times as long to make for each message.
    """

    version: Version | None
    reason: Reason
    rule: str | None = None
    bucket: int | None = None
