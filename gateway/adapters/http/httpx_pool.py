"""A pool of httpcore's connections that ends after its last delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpcore


class RetirablePool:
    """A pool that is in use until a time; retired, it closes after its last delivery."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, until: float) -> None:
        self._pool = pool
        self.until = until
        self.users = 0
        self._retired = False

    @property
    def idle(self) -> bool:
        """Whether it has connections, and no delivery uses one."""
        return not self.users and bool(self._pool.connections)

    def in_use(self) -> RetirablePool:
        """Return what counts a delivery while it is entered."""
        return self

    async def __aenter__(self) -> httpcore.AsyncConnectionPool:
        self.users += 1
        return self._pool

    async def __aexit__(self, *_: object) -> None:
        self.users -= 1
        await self._close_unused()

    async def retire(self) -> None:
        """Close it once no delivery uses it."""
        self._retired = True
        await self._close_unused()

    async def _close_unused(self) -> None:
        if self._retired and not self.users:
            await self._pool.aclose()
