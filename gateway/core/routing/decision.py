"""Which version a message belongs to, and why (docs/reference/decisions.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gateway.core.routing.version import Version


class Reason(StrEnum):
    """Why a message got its version; FALLBACK is a delivery's reason, never a decision's."""

    PINNED = "pinned"
    UNKNOWN_VERSION = "unknown_version"
    RULE = "rule"
    SPLIT = "split"
    DEFAULT = "default"
    FALLBACK = "fallback"


class Decision(NamedTuple):
    """The version of a message, the reason, and the rule and bucket (0..9999) that led to it.

    `version` is None where the message is retried until its route has the version that it names.
    A tuple, since a frozen dataclass takes several times as long to make for each message.
    """

    version: Version | None
    reason: Reason
    rule: str | None = None
    bucket: int | None = None
