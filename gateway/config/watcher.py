"""Offers the routing file whenever its content has changed.

Content is compared, not time stamps or events: a mounted ConfigMap swaps a symbolic link two
directories up, editors rename, and a copy keeps the old time.
Source: https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Never

from gateway.config.loader import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EVERY_SECONDS = 1.0


async def watch(
    path: str | Path,
    digest: str,
    offer: Callable[[bytes], Awaitable[object]],
    every_seconds: float = EVERY_SECONDS,
) -> Never:
    """Look for ever; `digest` is the sha256 of the content that is known already.

    New content is offered once two looks in a row have seen it, so that a file caught between
    truncating and writing is not. What was offered is not offered again, whatever came of it.
    Whatever `offer` raises ends the watch.
    """
    before = digest
    while True:
        await asyncio.sleep(every_seconds)
        content = _look(Path(path))
        if content is None:
            continue
        seen = sha256(content).hexdigest()
        if seen == before != digest:
            digest = seen
            await offer(content)
        before = seen


def _look(path: Path) -> bytes | None:
    """Return the content, as far as it could be a routing file's; None while there is no file."""
    try:
        if not path.is_file():  # a pipe has been read to its end when the gateway started
            return None
        with path.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError:
        return None
