"""The road of a message: which files of the gateway run between its receive and its delete."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.aiokit.write_batch import WriteBatch
from gateway.core.events import Action, Settled
from gateway.runtime.running_route import RunningRoute
from tests.builders import route, version
from tests.contract.http_services import OK, responding, serving
from tests.fakes.backends import Sqs
from tests.fakes.observer import FakeObserver
from tools.emulator.running import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import pytest

ROOT = Path(__file__).parents[2]
GATEWAY = ROOT / "gateway"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
MOST = 31
BEGIN, END = "<!-- the road: begin -->", "<!-- the road: end -->"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Road:
    """The gateway's files whose functions run while it is entered.

    The demo is no part of the gateway; the emulator in this process asks it who sent a message.
    """

    def __init__(self) -> None:
        self.files: set[str] = set()

    def __enter__(self) -> Self:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: Any, _event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(GATEWAY) and not path.is_relative_to(GATEWAY / "demo"):
            self.files.add(path.relative_to(GATEWAY).as_posix())


@asynccontextmanager
async def at_work(url: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Run a route between an SQS and a service; gives what lets one message pass."""
    batch, seen = WriteBatch(), FakeObserver()
    async with (
        SqsClients(batch) as clients,
        serving(responding(OK)) as service,
        aiohttp.ClientSession(headers={"X-Amz-Target": "AmazonSQS.SendMessage"}) as sender,
    ):
        source = await Sqs(clients, NativeSqsSource).queue()
        queue_url = (await source.open()).url
        one = route(versions=[version("stable", "v1", url=service.url)])
        running = RunningRoute(
            one,
            source,
            lambda each: NativeTarget(each.url, each.headers, write_batch=batch),
            seen,
            wall=time.time,
            random=random.random,
        )

        async def one_message() -> None:
            before = deleted()
            body = {"QueueUrl": queue_url, "MessageBody": '{"order": 7}'}
            async with sender.post(url, json=body) as response:
                assert response.status == 200
            await seen.bell.until(lambda: deleted() > before)

        def deleted() -> int:
            return sum(each.messages for each in seen.of(Settled) if each.action is Action.DELETE)

        task = asyncio.create_task(running.run())
        yield one_message
        running.halt()
        await task


async def traced() -> set[str]:
    """Return the files that are on the road of each of three messages.

    What a busy machine brings about for one of them is no part of it, nor what closes when garbage
    of other tests is collected. The SDK is pointed at an SQS by the environment.
    """
    async with served() as emulator:
        os.environ["AWS_ENDPOINT_URL_SQS"] = emulator.url
        async with at_work(emulator.url) as one_message:
            await one_message()  # opens the connections, and makes all that is made once
            roads = []
            for _ in range(3):
                with Road() as road:
                    await one_message()
                roads.append(road.files)
    return set.intersection(*roads)


async def test_a_message_passes_few_files_and_the_page_names_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A newcomer can read the road of a message with one page beside the code.

    `python -m tests.architecture.test_road` writes the list of the page anew.
    """
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "")  # set by what follows, and restored
    files = await traced()
    assert PAGE.read_text("utf-8") == written(files)
    assert len(files) <= MOST


def written(files: set[str]) -> str:
    """Return the page with these files between its two marks."""
    before, begin, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    rooms: dict[str, list[str]] = {}
    for file in sorted(files):
        room, _, name = file.rpartition("/")
        rooms.setdefault(room, []).append(f"[{name}](../../gateway/{file})")
    lines = [f"- `{room}`: {', '.join(names)}" for room, names in rooms.items()]
    count = f"{len(files)} files:"
    return "".join([before, begin, "\n", count, "\n\n", "\n".join(lines), "\n", end, after])


if __name__ == "__main__":
    os.environ.update(ENVIRONMENT)
    PAGE.write_text(written(asyncio.run(traced())), "utf-8")
