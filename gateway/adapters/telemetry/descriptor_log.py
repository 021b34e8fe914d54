"""One line when the process has no descriptor or port left, and one when it has again."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Final

import structlog

from gateway.adapters.telemetry.log_throttle import Flips

if TYPE_CHECKING:
    from collections.abc import Callable

_KEY: Final = ("descriptors",)
_FILES: Final = (
    "raise the limit of open files of the process (ulimit -Hn, the container runtime), or lower"
    " max_in_flight: see docs/limits.md"
)
_PORTS: Final = "widen net.ipv4.ip_local_port_range, or lower max_in_flight: see docs/limits.md"


class DescriptorLog:
    """Writes the lines; the two methods are callbacks of `Descriptors`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = structlog.stdlib.get_logger("gateway")
        self._flips = Flips(clock)

    def on_short(self, error: OSError, limit: int) -> None:
        """Say that connections cannot be opened."""
        suppressed = self._flips.failed(_KEY)
        if suppressed is None:
            return
        ports = error.errno == errno.EADDRNOTAVAIL
        self._log.warning(
            "connections wait: this process is at a limit of its own",
            why=os.strerror(error.errno or 0),
            open_files=limit,
            what_to_do=_PORTS if ports else _FILES,
        )

    def on_enough(self) -> None:
        """Say that they can be opened again."""
        if self._flips.worked(_KEY) is not None:
            self._log.info("connections are opened again")
