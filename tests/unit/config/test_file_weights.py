"""The routing file as a giver of weights: what it offers is loaded once, and only if still true."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.config.file import UNREADABLE_DIGEST, read
from gateway.config.watcher import EVERY_SECONDS, GONE_LOOKS, FileWeights

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from gateway.ports import Loaded, WeightOffer

pytestmark = pytest.mark.looptime

SOUND = "routes: [{name: NAME, queue: orders, versions: {stable: http://b.test/}}]"
LOOKS = 10 * EVERY_SECONDS  # more than enough for whatever is to be seen


def named(name: str) -> str:
    return SOUND.replace("NAME", name)


def put(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.yaml"
    path.write_text(named("first"))
    return path


@pytest.fixture
def weights(file: Path) -> FileWeights:
    return FileWeights(file, read(file).digest)


class Offers:
    """Loads what it is offered, after `before`, and keeps it."""

    def __init__(self, before: Callable[[], Awaitable[object]] | None = None) -> None:
        self.loaded: list[Loaded | None] = []
        self.before = before

    async def __call__(self, load: WeightOffer) -> None:
        if self.before is not None:
            await self.before()
        self.loaded.append(await load())

    def names(self) -> list[str | None]:
        """Return the name of each table's route, None for what was outdated or bad."""
        return [each.table.routes[0].name if each and each.table else None for each in self.loaded]


@asynccontextmanager
async def watching(weights: FileWeights, offers: Offers) -> AsyncIterator[None]:
    task = asyncio.create_task(weights.watch(offers))
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_changed_content_is_offered_and_loaded_once(file: Path, weights: FileWeights) -> None:
    offers = Offers()
    async with watching(weights, offers):
        await asyncio.sleep(LOOKS)
        put(file, named("second"))
        await asyncio.sleep(LOOKS)
    assert offers.names() == ["second"]


async def test_bad_content_is_offered_once_with_its_problems(
    file: Path, weights: FileWeights
) -> None:
    offers = Offers()
    async with watching(weights, offers):
        put(file, "routes: []")
        await asyncio.sleep(LOOKS)
    (loaded,) = offers.loaded
    assert loaded is not None
    assert loaded.table is None
    assert loaded.problems


async def test_a_file_that_is_gone_is_offered_as_a_problem(
    file: Path, weights: FileWeights
) -> None:
    offers = Offers()
    async with watching(weights, offers):
        remove(file)
        await asyncio.sleep(GONE_LOOKS * LOOKS)
    (loaded,) = offers.loaded
    assert loaded is not None
    assert loaded.digest == UNREADABLE_DIGEST
    assert "cannot be read" in loaded.problems[0]


async def test_what_a_reload_loaded_first_is_not_loaded_again(
    file: Path, weights: FileWeights
) -> None:
    offers = Offers(before=weights.load)
    async with watching(weights, offers):
        put(file, named("second"))
        await asyncio.sleep(LOOKS)
    assert offers.loaded == [None]


async def test_what_has_changed_again_is_left_to_the_next_look(
    file: Path, weights: FileWeights
) -> None:
    async def change() -> None:
        put(file, named("third"))

    offers = Offers(before=change)
    async with watching(weights, offers):
        put(file, named("second"))
        await asyncio.sleep(LOOKS)
    assert offers.names() == [None, "third"]
