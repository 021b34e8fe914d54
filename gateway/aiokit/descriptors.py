"""The open files of this process: as many as the system allows, and some kept for what must work.

A socket takes the lowest free descriptor, so a high number tells how many files are open. Source:
open(2), getrlimit(2).
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

LOCAL_LIMITS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL})
"""What the kernel says where this process or machine has no descriptor, buffer or port left."""

RETRY_SECONDS: Final = 0.5
"""How often at least one that waits tries again: other processes may free what is missing."""

UNLIMITED: Final = 2**31
FEW: Final = 64


class IdleHolder(Protocol):
    """Something that holds idle connections: a pool."""

    def close_oldest_idle(self) -> bool:
        """Close the connection that has been idle for longest; return whether there was one."""


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one; return the limit in force."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return UNLIMITED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS says no limit, and allows less
        return _known(soft)
    return _known(hard)


def _known(limit: int) -> int:
    return limit if 0 <= limit < UNLIMITED else UNLIMITED


def is_local_limit(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, is about a limit of this process or machine."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in LOCAL_LIMITS:
            return True
        error = error.__cause__ or error.__context__
    return False


def is_limit_of_connecting(error: BaseException, *, worked: bool) -> bool:
    """Whether an error of connecting is about a limit of this process, not about the host.

    A host whose address nothing here can connect from (IPv6 without IPv6) gives EADDRNOTAVAIL too:
    it counts where a connection to the host has `worked` before.
    """
    if not isinstance(error, OSError) or error.errno not in LOCAL_LIMITS:
        return False
    return error.errno != errno.EADDRNOTAVAIL or worked


def _next_descriptor() -> int:
    """Return the number that the next socket will have; raises OSError where there is none."""
    with socket.socket() as probe:
        return probe.fileno()


class Descriptors:
    """What may be opened, and what waits for it.

    A delivery's descriptor must be below `for_deliveries`, one to SQS below `for_queues`: what is
    above is for the admin port, the routing file and names. `on_short` and `on_enough` are called
    at the first error and once there was none for a while.
    """

    def __init__(
        self,
        limit: int = UNLIMITED,
        *,
        on_short: Callable[[OSError, int], object] = lambda *_: None,
        on_enough: Callable[[], object] = lambda: None,
    ) -> None:
        self.limit = limit
        self.for_queues = limit - min(FEW, limit // 8)
        self.for_deliveries = limit - min(4 * FEW, limit // 3)
        self._on_short = on_short
        self._on_enough = on_enough
        self._holders: dict[IdleHolder, None] = {}
        self._waiting: deque[Callable[[], object]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._failed_at = 0.0

    @property
    def short(self) -> bool:
        """Whether something could not be opened a moment ago: receive nothing until then."""
        return self._timer is not None

    def watch(self, holder: IdleHolder, *, first: bool = False) -> None:
        """Close idle connections of this one when descriptors run out; `first`: before others'."""
        holders = self._holders
        self._holders = {holder: None, **holders} if first else {**holders, holder: None}

    def unwatch(self, holder: IdleHolder) -> None:
        """Forget one that is closed."""
        self._holders.pop(holder, None)

    def admit_delivery(self) -> None:
        """Raise OSError (EMFILE) where the next descriptor is kept for others.

        To be asked before a connection is opened: pending ones have a descriptor as well.
        """
        if _next_descriptor() >= self.for_deliveries:
            raise OSError(errno.EMFILE, "the descriptors left are kept for SQS and the admin port")

    def admission(self, *, expendable: bool) -> Callable[[], None]:
        """Return what admits the connections of deliveries, or of what may fail for their sake."""
        return self.admit_expendable if expendable else self.admit_delivery

    def admit_expendable(self) -> None:
        """Raise OSError (EMFILE) while short, and for the last eighth of those for deliveries."""
        if self.short or _next_descriptor() >= self.for_deliveries * 7 // 8:
            raise OSError(errno.EMFILE, "the descriptors left are kept for deliveries")

    def admit_queue(self) -> None:
        """Raise OSError (EMFILE) where the next descriptor is kept for others."""
        if _next_descriptor() >= self.for_queues:
            raise OSError(errno.EMFILE, "the descriptors left are kept for the admin port")

    def report(self, error: OSError) -> None:
        """Note that something could not be opened; close an idle connection for it."""
        loop = asyncio.get_running_loop()
        self._failed_at = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(RETRY_SECONDS, self._look)
            self._on_short(error, self.limit)
        any(holder.close_oldest_idle() for holder in list(self._holders))

    def wait(self, error: OSError, again: Callable[[], object]) -> None:
        """Call `again` when a descriptor may be free."""
        self._waiting.append(again)
        self.report(error)

    async def free(self, error: BaseException | None) -> None:
        """Return when a descriptor may be free."""
        freed = asyncio.Event()
        self.wait(error if isinstance(error, OSError) else OSError(errno.EMFILE, ""), freed.set)
        await freed.wait()

    def freed(self) -> None:
        """Let the next one try: a connection was closed."""
        if self._waiting:
            self._waiting.popleft()()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(RETRY_SECONDS, self._look)
        if self._waiting:
            self._waiting.popleft()()
        elif loop.time() - self._failed_at >= 2 * RETRY_SECONDS:
            self._timer.cancel()
            self._timer = None
            self._on_enough()
