"""Waits for a process of the demo to be ready."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import aiohttp

from gateway.demo.processes import DemoError

if TYPE_CHECKING:
    from gateway.demo.processes import ChildProcess

IS_READY: Final = "ready"
POLL_SECONDS: Final = 0.05
READY_SECONDS: Final = 60.0


async def wait_until_ready(session: aiohttp.ClientSession, child: ChildProcess, url: str) -> None:
    """Wait until the URL responds with 200; raises DemoError after READY_SECONDS."""
    status = "nothing"
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                status = await _status(session, url)
                if status == IS_READY:
                    return
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        why = f"{child.name} is not ready after {READY_SECONDS:.0f} s: {url} says {status}"
        raise DemoError(why, child.last_lines()) from None


async def _status(session: aiohttp.ClientSession, url: str) -> str:
    try:
        async with session.get(url) as response:
            return IS_READY if response.ok else f"{response.status} {await response.text()}"
    except aiohttp.ClientError as error:
        return f"nothing ({error})"
