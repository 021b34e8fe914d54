"""Ends the demo's processes after the demo itself has ended, killed or not.

The demo writes to this process's standard input: `+PGID` for each process group that it starts and
`-PGID` for each that has ended. End of input means that the demo has ended, by SIGKILL too; the
groups that are left are ended here. This works on Linux and macOS.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

GRACE_SECONDS: Final = 3.0


def main() -> None:
    """Read until the demo has ended, then end the processes that are left."""
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    left = remaining(sys.stdin)
    if left:
        end_groups(left, signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        end_groups(left, signal.SIGKILL)


def remaining(lines: Iterable[str]) -> set[int]:
    """Return the groups that were started and not reported as ended."""
    groups: set[int] = set()
    for line in lines:
        sign, group = line[:1], int(line[1:])
        if sign == "+":
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def end_groups(groups: Iterable[int], how: signal.Signals) -> None:
    """Send a signal to each process group; one that has ended is no error."""
    for group in groups:
        # macOS returns EPERM, not ESRCH, for a group with nothing but a zombie.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, how)


if __name__ == "__main__":
    main()
