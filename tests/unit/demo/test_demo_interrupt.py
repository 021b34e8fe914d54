"""Ctrl-C: the end at any moment, except where the demo waits for it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from gateway.demo.interrupt import SIGNALS, Interrupt


async def interrupted() -> tuple[str, Interrupt]:
    interrupt = Interrupt()
    os.kill(os.getpid(), signal.SIGINT)
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        return "cancelled", interrupt
    return "went on", interrupt


async def test_a_signal_cancels_what_is_under_way() -> None:
    how, interrupt = await asyncio.create_task(interrupted())
    assert (how, interrupt.signal) == ("cancelled", signal.SIGINT)


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_that_is_waited_for_cancels_nothing(number: signal.Signals) -> None:
    interrupt = Interrupt()
    waiting = asyncio.create_task(interrupt.wait())
    await asyncio.sleep(0)
    os.kill(os.getpid(), number)
    await waiting
    assert interrupt.signal is None


async def test_the_signal_after_the_one_waited_for_cancels_again() -> None:
    async def wait_then_hang() -> signal.Signals | None:
        interrupt = Interrupt()
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        await interrupt.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return interrupt.signal
        return None

    assert await asyncio.create_task(wait_then_hang()) is signal.SIGTERM
