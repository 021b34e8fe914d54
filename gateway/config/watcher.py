"""Says whenever the content of the routing file has changed.

Content is compared, not time stamps or events: a mounted ConfigMap swaps a symbolic link two
directories up, editors rename, and a copy keeps the old time.
Source: https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
"""

from __future__ import annotations

import asyncio
import stat
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Never

from gateway.config.loader import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EVERY_SECONDS: Final = 1.0
GONE_LOOKS: Final = 4
"""How many looks in a row a file may be gone, or unreadable, before that is said."""

UNREADABLE_DIGEST: Final = ""
"""Stands for the digest of a file that cannot be read."""


class NotRegularError(OSError):
    """A pipe or a device: it was read to its end when the gateway started."""


async def watch(
    path: str | Path,
    known: Callable[[], str],
    offer: Callable[[str], Awaitable[object]],
    every_seconds: float = EVERY_SECONDS,
) -> Never:
    """Look for ever, and offer the sha256 of content that is not `known()`.

    New content is offered once two looks in a row have seen it, so that a file caught between
    truncating and writing is not. It is up to `offer` to make it known, whatever comes of it.
    Whatever `offer` raises ends the watch.
    """
    before, gone = known(), 0
    while True:
        await asyncio.sleep(every_seconds)
        try:
            seen = sha256(content_of(Path(path))).hexdigest()
        except NotRegularError:
            continue
        except OSError:
            gone += 1
            if gone == GONE_LOOKS and known() != UNREADABLE_DIGEST:
                await offer(UNREADABLE_DIGEST)
            continue
        gone = 0
        if seen == before != known():
            await offer(seen)
        before = seen


def content_of(path: Path) -> bytes:
    """Return the content, as far as it could be a routing file's; raises OSError.

    Opening a pipe would wait until somebody writes, so that is not done.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise NotRegularError(0, "not a regular file, so it cannot be read again")
    with path.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)
