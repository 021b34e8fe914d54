"""Watches the routing file and offers its content whenever that has changed.

Content is compared, not time stamps or events: a mounted ConfigMap swaps a symbolic link two
directories up, editors rename, and a copy keeps the old time.
Source: https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
"""

from __future__ import annotations

import asyncio
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Never

from gateway.config.file import UNREADABLE_DIGEST, NotRegularError, content_of, read_again

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.config.checks.kafka_settings import Names
    from gateway.ports import Loaded, WeightOffer

EVERY_SECONDS: Final = 1.0
GONE_LOOKS: Final = 4
"""How many looks in a row must find no file, or an unreadable one, before that is offered."""


class FileWeights:
    """The routing file as a giver of weights (`Weights` in gateway/ports.py).

    `digest` is that of the content that was loaded first; `names` are a Kafka client's.
    """

    def __init__(self, path: Path, digest: str, names: Names | None = None) -> None:
        self.path = path
        self._names = names
        self._digest = digest  # of the content loaded last, good or bad

    async def watch(self, offer: Callable[[WeightOffer], Awaitable[object]]) -> Never:
        """Offer the file whenever its content is not what was loaded last."""
        await watch(
            self.path,
            lambda: self._digest,
            lambda digest: offer(partial(self._load_seen, digest)),
        )

    async def load(self) -> Loaded:
        """Load the file as it is now, in a thread."""
        return self._remember(await asyncio.to_thread(read_again, self.path, self._names))

    async def _load_seen(self, digest: str) -> Loaded | None:
        """Load the content that was seen; None if it is loaded already or has changed again."""
        if digest == self._digest:
            return None
        loaded = await asyncio.to_thread(read_again, self.path, self._names)
        return self._remember(loaded) if loaded.digest == digest else None

    def _remember(self, loaded: Loaded) -> Loaded:
        self._digest = loaded.digest
        return loaded


async def watch(
    path: str | Path,
    known: Callable[[], str],
    offer: Callable[[str], Awaitable[object]],
    every_seconds: float = EVERY_SECONDS,
) -> Never:
    """Look for ever, and offer the sha256 of content that is not `known()`.

    New content is offered once two looks in a row have seen it, so that a file caught between
    truncating and writing is not. `offer` must make it known, even if the content is bad.
    An error of `offer` ends the watch.
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
