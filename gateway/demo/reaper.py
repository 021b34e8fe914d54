"""Ends the demo's processes when the demo itself is gone, however it went.

The demo holds the other end of this process's standard input and writes `+PGID` for each process
group that it starts and `-PGID` for each that has ended. End of input means that the demo is gone,
SIGKILL included; what is left then is ended here. It works alike on Linux and macOS.
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
    """Listen to the demo until it is gone, then end what it left behind."""
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    left = remaining(sys.stdin)
    if left:
        end_groups(left, signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        end_groups(left, signal.SIGKILL)


def remaining(lines: Iterable[str]) -> set[int]:
    """Return the groups that were started and never reported as ended."""
    groups: set[int] = set()
    for line in lines:
        sign, group = line[:1], int(line[1:])
        if sign == "+":
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def end_groups(groups: Iterable[int], how: signal.Signals) -> None:
    """Send a signal to each process group; one that has gone meanwhile is no error."""
    for group in groups:
        # macOS answers EPERM, not ESRCH, where only a zombie is left of the group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, how)


if __name__ == "__main__":
    main()
