"""The whole gateway in this process, with routes whose versions are queues."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from gateway import app
from gateway.config.settings import Settings
from gateway.core.addresses import parse_queue
from gateway.core.events import Listening
from gateway.core.routing.route import RoutingTable
from gateway.core.routing.version import Version
from tests.builders import route
from tools.emulator.faults import Cut, Fault
from tools.emulator.messages import Draft
from tools.emulator.running import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.core.routing.route import Route
    from tools.emulator.app import Emulator

LOOK_SECONDS = 0.05
CLIENTS = pytest.mark.parametrize("client", ["native", "aiobotocore"])


class Running:
    """A gateway at work, the emulator in front of it, and its admin port."""

    def __init__(self, gateway: app.Gateway, emulator: Emulator) -> None:
        self.gateway, self.emulator = gateway, emulator
        self.admin = ""

    def fill(self, queue: str, *bodies: str) -> None:
        registry, now = self.emulator.registry, self.emulator.clock()
        for body in bodies:
            registry.named(queue).send(Draft(body), registry.new_id(), now)
        self.emulator.polls.serve()

    def bodies(self, queue: str) -> list[str]:
        return [each.draft.body for each in self.emulator.registry.named(queue).messages]

    def left(self, queue: str) -> int:
        return sum(not each.gone for each in self.emulator.registry.named(queue).messages)

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110 - the emulator rings no bell
            await asyncio.sleep(LOOK_SECONDS)

    async def ready(self) -> None:
        while (await self.get("/readyz"))[0] != 200:  # noqa: ASYNC110 - nor the admin port
            await asyncio.sleep(LOOK_SECONDS)

    async def get(self, path: str) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session, session.get(self.admin + path) as response:
            json = path.startswith("/api/")
            return response.status, await (response.json() if json else response.text())


@asynccontextmanager
async def running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: str, *routes: Route
) -> AsyncIterator[Running]:
    """Run a gateway for the length of a block; it must then stop softly, with nothing left."""
    listening: asyncio.Queue[Listening] = asyncio.Queue()

    class Watched(app.Observers):
        def observe(self, event: Any) -> None:
            super().observe(event)
            if isinstance(event, Listening):
                listening.put_nowait(event)

    monkeypatch.setattr(app, "Observers", Watched)
    file = tmp_path / "routes.yaml"
    file.write_text("routes: []")
    async with served() as emulator:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", emulator.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        settings = Settings(
            admin_host="127.0.0.1", admin_port=0, sqs_client=client, drain_seconds=2
        )
        registry, now = emulator.emulator.registry, emulator.emulator.clock()
        registry.create("orders", {}, now)
        # The file is never read: what it would say is given as values.
        monkeypatch.setattr("gateway.config.watcher.FileWeights.watch", _watch_nothing)
        gateway = app.Gateway(settings, file, RoutingTable(routes, "digest"))
        it = Running(gateway, emulator.emulator)
        task = asyncio.create_task(gateway.run())
        admin = await listening.get()
        it.admin = f"http://127.0.0.1:{admin.port}"
        yield it
        gateway.stop()
        assert await task


async def _watch_nothing(*_: object) -> None:
    await asyncio.Event().wait()


def pulled(name: str, tag: str, queue: str, **rest: Any) -> Version:
    return Version(name, tag, queue=parse_queue(queue), **rest)


def orders(*versions: Version, **rest: Any) -> Route:
    return route(versions=versions, wait_seconds=1, **rest)


@CLIENTS
async def test_messages_go_from_queue_to_queue_by_both_clients(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: str
) -> None:
    wanted = orders(pulled("stable", "v1", "b"))
    async with running(monkeypatch, tmp_path, client, wanted) as it:
        it.emulator.registry.create("b", {}, it.emulator.clock())
        bodies = [str(number) for number in range(30)]
        it.fill("orders", *bodies)
        await it.until(lambda: not it.left("orders"))
        assert sorted(it.bodies("b")) == sorted(bodies)


async def test_a_missing_queue_does_not_hold_up_readiness_and_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = orders(pulled("stable", "v1", "b"))
    async with running(monkeypatch, tmp_path, "native", wanted) as it:
        await it.ready()
        it.fill("orders", "early")

        async def stable() -> Any:
            _, said = await it.get("/api/routes")
            return said["routes"][0]["versions"][0]

        while (await stable())["last_error"] is None:  # noqa: ASYNC110 - nor the admin port
            await asyncio.sleep(LOOK_SECONDS)
        shown = await stable()
        assert shown["queue"] == "b"
        assert "url" not in shown
        assert shown["last_error"]["text"].startswith("unreachable: queue b: get_queue_url: ")
        it.emulator.registry.create("b", {}, it.emulator.clock())
        await it.until(lambda: not it.left("orders"))
        assert it.bodies("b") == ["early"]


async def test_a_stop_gives_back_what_a_silent_queue_has_not_confirmed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The drain ends it, long before the version's timeout."""
    wanted = orders(pulled("stable", "v1", "b", timeout_seconds=600))
    async with running(monkeypatch, tmp_path, "native", wanted) as it:
        it.emulator.registry.create("b", {}, it.emulator.clock())
        asked = asyncio.Event()

        def silent(operation: str, _request: object) -> Fault | None:
            if operation != "SendMessageBatch":
                return None
            asked.set()
            return Fault(cut=Cut.BEFORE_EFFECT, silent=True)

        it.emulator.intercept = silent
        it.fill("orders", "one", "two")
        await asked.wait()
    assert it.left("orders") == 2
    queue = it.emulator.registry.named("orders")
    queue.advance(it.emulator.clock())
    assert {each.stage.name for each in queue.messages} == {"VISIBLE"}


async def test_a_reload_replaces_the_queue_of_a_version_and_what_is_under_way_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = orders(pulled("stable", "v1", "b"))
    async with running(monkeypatch, tmp_path, "native", wanted) as it:
        for name in ("b", "other"):
            it.emulator.registry.create(name, {}, it.emulator.clock())
        it.fill("orders", *(f"first {number}" for number in range(20)))
        await it.until(lambda: not it.left("orders"))
        moved = orders(pulled("stable", "v1", "other"))
        routes = it.gateway._routes
        routes.swap(RoutingTable((moved,), "other digest"))
        await routes.close_retired()
        it.fill("orders", *(f"then {number}" for number in range(20)))
        await it.until(lambda: not it.left("orders"))
        assert len(it.bodies("b")) == len(it.bodies("other")) == 20
        assert all(body.startswith("then") for body in it.bodies("other"))
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert "watch queue other" in names
        assert "watch queue b" not in names
