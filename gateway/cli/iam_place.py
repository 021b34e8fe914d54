"""Where what a policy names is: the account and the region that are given, and what stays open."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

OPEN: Final = "*"
"""Stands in an ARN for what is not given."""

ACCOUNT: Final = re.compile(r"[0-9]{12}\Z")
REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)*-[0-9]+\Z")


class Place(NamedTuple):
    """Account and region of what the routing file gives without one; None: not given."""

    account: str | None = None
    region: str | None = None


def allow(actions: list[str], resource: str) -> dict[str, Any]:
    """Return a statement of a policy."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def left_open(what: str, account: str, region: str) -> str:
    """Say that the account or the region of something is open; empty where neither is."""
    names = [name for value, name in ((account, "account"), (region, "region")) if value == OPEN]
    if not names:
        return ""
    flags = " and ".join(f"--{name}" for name in names)
    verb = "is" if len(names) == 1 else "are"
    return f"the {' and '.join(names)} of {what} {verb} open, so any will do (say {flags})"
