"""No descriptor or port left: the delivery waits, and nothing is said of the service."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Any

import pytest

from gateway.adapters.http.httpx_target import HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.sqs.errors import to_source_error
from gateway.aiokit.descriptors import Descriptors, is_local_limit, raise_limit
from gateway.core.delivery.disposition import Broken, Responded, Unreachable
from tests.contract.deliveries import post
from tests.contract.http_services import OK, Visit, responding, serving

MAKE = (NativeTarget, HttpxTarget)
NAMES = ("EMFILE", "ENFILE", "ENOBUFS", "EADDRNOTAVAIL")


async def silent_after_one(visit: Visit) -> None:
    await visit.request()
    await visit.send(OK)
    await visit.gone()


class Failing:
    """The loop's `create_connection`, which fails while `error` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.error: OSError | None = None
        self.tried = asyncio.Event()
        self._create_connection = loop.create_connection
        monkeypatch.setattr(loop, "create_connection", self)

    def fail(self, name: str) -> None:
        number = getattr(errno, name)
        self.error = OSError(number, os.strerror(number))

    async def __call__(self, *arguments: Any, **more: Any) -> Any:
        self.tried.set()
        if self.error is not None:
            raise self.error
        return await self._create_connection(*arguments, **more)


@pytest.mark.parametrize("make", MAKE)
@pytest.mark.parametrize("name", NAMES)
async def test_a_delivery_waits_for_a_descriptor_and_the_service_is_not_called_unreachable(
    name: str, make: type[NativeTarget | HttpxTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    short, enough = asyncio.Event(), asyncio.Event()

    def on_short(error: OSError, _: int) -> None:
        told.append(error.strerror or "")
        short.set()

    failing = Failing(monkeypatch)
    descriptors = Descriptors(on_short=on_short, on_enough=enough.set)
    async with serving(responding(OK)) as service:
        target = make(service.url, max_idle=0, descriptors=descriptors)
        assert await post(target) == Responded(200)
        failing.fail(name)
        failing.tried.clear()
        waiting = [asyncio.create_task(post(target)) for _ in range(20)]
        await failing.tried.wait()
        await short.wait()
        assert not any(task.done() for task in waiting)
        failing.error = None
        assert await asyncio.gather(*waiting) == [Responded(200)] * 20
        await enough.wait()
        assert not descriptors.short
        await target.close()
    assert told == [os.strerror(getattr(errno, name))]


@pytest.mark.parametrize("make", MAKE)
async def test_an_address_that_never_worked_from_here_is_unreachable(
    make: type[NativeTarget | HttpxTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    """IPv6 where there is none gives the error that a lack of ports gives."""
    Failing(monkeypatch).fail("EADDRNOTAVAIL")
    target = make("http://127.0.0.1:9/", descriptors=Descriptors())
    assert isinstance(await post(target), Unreachable)


async def test_idle_connections_of_others_are_closed_when_descriptors_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing, descriptors = Failing(monkeypatch), Descriptors()
    async with serving(responding(OK)) as service:
        idle, other = (NativeTarget(service.url, descriptors=descriptors) for _ in range(2))
        await post(idle)
        (connection,) = idle._pool.idle
        failing.fail("EMFILE")
        delivery = asyncio.create_task(post(other))
        await failing.tried.wait()
        await connection.closed.wait()
        failing.error = None
        assert await delivery == Responded(200)
        await other.close()


async def test_idle_connections_of_httpx_are_closed_when_descriptors_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing, descriptors = Failing(monkeypatch), Descriptors()
    async with serving(silent_after_one) as service:
        idle = HttpxTarget(service.url, descriptors=descriptors)
        other = NativeTarget(service.url, descriptors=descriptors)
        assert await post(idle) == Responded(200)
        failing.fail("EMFILE")
        delivery = asyncio.create_task(post(other))
        await service.left.wait()
        failing.error = None
        assert await delivery == Responded(200)
        assert not idle.close_oldest_idle()
        await idle.close()
        await other.close()


async def test_some_descriptors_are_kept_for_sqs_and_the_admin_port() -> None:
    descriptors = Descriptors(1024)
    assert descriptors.for_deliveries < descriptors.for_queues < 1024
    descriptors.admit_delivery()
    descriptors.admit_queue()
    with socket.socket() as probe:
        descriptors.for_deliveries = descriptors.for_queues = probe.fileno()
    with pytest.raises(OSError, match="kept") as raised:
        descriptors.admit_delivery()
    assert is_local_limit(raised.value)
    with pytest.raises(OSError, match="kept"):
        descriptors.admit_queue()


@pytest.mark.parametrize("make", MAKE)
async def test_connections_that_are_pending_leave_the_kept_descriptors_alone(
    make: type[NativeTarget | HttpxTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connect that nobody accepts holds a descriptor as long as one that works."""
    short = asyncio.Event()
    failing = Failing(monkeypatch)
    descriptors = Descriptors(1024, on_short=lambda *_: short.set())
    async with serving(responding(OK)) as service:
        target = make(service.url, max_idle=0, descriptors=descriptors)
        assert await post(target) == Responded(200)
        failing.tried.clear()
        allowed, descriptors.for_deliveries = descriptors.for_deliveries, 0
        waiting = asyncio.create_task(post(target))
        await short.wait()
        assert not failing.tried.is_set()
        descriptors.for_deliveries = allowed
        assert await waiting == Responded(200)
        await target.close()


def test_what_is_expendable_fails_before_others_have_to_wait() -> None:
    descriptors = Descriptors(1024)
    admit = descriptors.admission(expendable=True)
    admit()
    next_one = os.open(os.devnull, os.O_RDONLY)
    os.close(next_one)
    descriptors.for_deliveries = next_one + 1  # the next one is the last of these
    with pytest.raises(OSError, match="kept for deliveries") as raised:
        admit()
    assert is_local_limit(raised.value)
    descriptors.admission(expendable=False)()


@pytest.mark.parametrize("kind", [NativeTarget, HttpxTarget])
async def test_an_expendable_target_fails_where_it_finds_no_descriptor_and_nobody_is_short(
    kind: type[NativeTarget | HttpxTarget],
) -> None:
    """Else a mirror would stop the receives."""
    descriptors = Descriptors(9)
    async with serving(responding(OK)) as service:
        target = kind(service.url, descriptors=descriptors, expendable=True)
        assert isinstance(await post(target), Unreachable)
        assert not descriptors.short
        await target.close()


async def test_an_expendable_delivery_is_cut_off_where_another_finds_no_descriptor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing, descriptors = Failing(monkeypatch), Descriptors()
    hanging = asyncio.Event()

    async def hangs(visit: Visit) -> None:
        await visit.request()
        hanging.set()
        await visit.request()

    async with serving(responding(OK)) as service, serving(hangs) as stuck:
        idle = NativeTarget(service.url, descriptors=descriptors)
        copies = NativeTarget(stuck.url, descriptors=descriptors, expendable=True)
        other = NativeTarget(service.url, descriptors=descriptors)
        await post(idle)
        copy = asyncio.create_task(post(copies))
        await hanging.wait()
        failing.fail("EMFILE")
        delivery = asyncio.create_task(post(other))
        assert isinstance(await copy, Broken)
        assert idle.open_connections() == 1  # it is the copy's that is closed
        failing.error = None
        assert await delivery == Responded(200)
        for each in (idle, copies, other):
            await each.close()


async def test_a_delivery_that_is_cancelled_while_it_waits_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing = Failing(monkeypatch)
    failing.fail("EMFILE")
    async with serving(responding(OK)) as service:
        target = NativeTarget(service.url, descriptors=Descriptors())
        delivery = asyncio.create_task(post(target))
        await failing.tried.wait()
        await asyncio.sleep(0)
        delivery.cancel()
        await asyncio.wait([delivery])
        failing.error = None
        assert await post(target) == Responded(200)
        await target.close()
    assert len(service.requests) == 1


def test_a_call_to_sqs_says_that_the_limit_is_our_own() -> None:
    error = ValueError("Could not connect to the endpoint URL")
    error.__cause__ = OSError(errno.EMFILE, "Too many open files")
    failure = to_source_error(error, "receive_message")
    assert "limit of its own" in str(failure)


def test_the_limit_of_open_files_is_known() -> None:
    assert raise_limit() >= 64
