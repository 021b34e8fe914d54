"""The routing file is offered when its content has changed, and only then. Time is virtual."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from gateway.config.file import UNREADABLE_DIGEST
from gateway.config.loader import MAX_BYTES
from gateway.config.watcher import GONE_LOOKS, watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.looptime

EVERY = 2.0
LOOK = EVERY  # the first look comes after one pause
MOMENT = 0.5


class Offers:
    """Knows what was offered; the contents are told by their digests, None is an unreadable file.

    As the gateway does, it takes what it is offered for known, good or bad.
    """

    def __init__(self) -> None:
        self.contents: list[bytes | None] = []
        self.error: Exception | None = None
        self.known = digest(b"first")

    async def __call__(self, offered: str) -> None:
        self.known = offered
        self.contents.append(None if offered == UNREADABLE_DIGEST else BY_DIGEST[offered])
        if self.error:
            raise self.error


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


OVERSIZE = bytes(MAX_BYTES + 1)
CONTENTS = (b"", b"first", b"second", b"other", b"broken", b"sec", OVERSIZE)
BY_DIGEST = {digest(content): content for content in CONTENTS}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.yaml"
    path.write_bytes(b"first")
    return path


@pytest.fixture
def offers() -> Offers:
    return Offers()


@asynccontextmanager
async def watching(path: Path, offers: Offers) -> AsyncIterator[None]:
    """Watch, a moment ahead of the looks, so that the test acts between two of them."""
    task = asyncio.create_task(watch(path, lambda: offers.known, offers, EVERY))
    await asyncio.sleep(MOMENT)
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def put_folder(path: Path) -> None:
    path.mkdir()


def remove(path: Path) -> None:
    path.rmdir() if path.is_dir() else path.unlink()


def same_time(path: Path, as_of: Path) -> None:
    os.utime(path, ns=(as_of.stat().st_atime_ns, as_of.stat().st_mtime_ns))


async def looks(number: int) -> None:
    await asyncio.sleep(number * EVERY)


async def test_content_that_is_known_is_not_offered(file: Path, offers: Offers) -> None:
    async with watching(file, offers):
        await looks(5)
        os.utime(file, (1, 1))
        await looks(5)
    assert offers.contents == []


async def test_new_content_is_offered_once_after_two_looks(file: Path, offers: Offers) -> None:
    async with watching(file, offers):
        put(file, b"second")
        await looks(1)
        assert offers.contents == []
        await looks(1)
        assert offers.contents == [b"second"]
        await looks(5)
    assert offers.contents == [b"second"]


async def test_what_differs_from_the_loaded_content_from_the_start_is_offered(
    file: Path, offers: Offers
) -> None:
    """The file may change between the start of the process and the first look."""
    offers.known = digest(b"older")
    async with watching(file, offers):
        await looks(2)
    assert offers.contents == [b"first"]


async def test_a_file_caught_between_truncating_and_writing_is_not_offered(
    file: Path, offers: Offers
) -> None:
    async with watching(file, offers):
        put(file, b"")
        await looks(1)
        put(file, b"sec")
        await looks(1)
        put(file, b"second")
        await looks(2)
    assert offers.contents == [b"second"]


async def test_a_file_that_stays_empty_is_offered(file: Path, offers: Offers) -> None:
    """Somebody emptied it: that is a problem to be told of."""
    async with watching(file, offers):
        put(file, b"")
        await looks(2)
    assert offers.contents == [b""]


async def test_content_that_comes_and_goes_between_looks_is_not_offered(
    file: Path, offers: Offers
) -> None:
    async with watching(file, offers):
        put(file, b"second")
        await looks(1)
        put(file, b"first")
        await looks(5)
    assert offers.contents == []


async def test_going_back_to_the_first_content_is_a_change_too(file: Path, offers: Offers) -> None:
    async with watching(file, offers):
        put(file, b"broken")
        await looks(2)
        put(file, b"first")
        await looks(2)
    assert offers.contents == [b"broken", b"first"]


async def test_a_configmap_that_swaps_its_symbolic_link_is_noticed(
    tmp_path: Path, offers: Offers
) -> None:
    """As the kubelet does: routes.yaml -> ..data/routes.yaml, ..data -> a folder with a date."""
    for folder, content in (("..2024_1", b"first"), ("..2024_2", b"second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "routes.yaml").write_bytes(content)
    (tmp_path / "..data").symlink_to("..2024_1")
    (tmp_path / "routes.yaml").symlink_to("..data/routes.yaml")
    async with watching(tmp_path / "routes.yaml", offers):
        (tmp_path / "..data_tmp").symlink_to("..2024_2")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        await looks(2)
    assert offers.contents == [b"second"]


async def test_a_file_renamed_over_it_with_an_old_time_is_noticed(
    file: Path, offers: Offers
) -> None:
    async with watching(file, offers):
        other = file.with_name("other")
        other.write_bytes(b"other")  # as long as the first one, too
        same_time(other, file)
        other.rename(file)
        await looks(2)
    assert offers.contents == [b"other"]


async def test_a_file_that_goes_away_is_waited_for(file: Path, offers: Offers) -> None:
    async with watching(file, offers):
        remove(file)
        await looks(2)
        put_folder(file)
        await looks(1)
        remove(file)
        assert offers.contents == []
        put(file, b"second")
        await looks(2)
    assert offers.contents == [b"second"]


async def test_a_file_that_stays_away_is_told_once_and_offered_when_it_is_back(
    file: Path, offers: Offers
) -> None:
    """The same content as before, too: it is no problem any more."""
    async with watching(file, offers):
        remove(file)
        await looks(GONE_LOOKS - 1)
        assert offers.contents == []
        await looks(1)
        assert offers.contents == [None]
        await looks(2 * GONE_LOOKS)
        put(file, b"first")
        await looks(2)
    assert offers.contents == [None, b"first"]


async def test_a_file_that_somebody_else_found_missing_is_not_told_again(
    file: Path, offers: Offers
) -> None:
    """A reload that was asked for has said it."""
    async with watching(file, offers):
        remove(file)
        offers.known = UNREADABLE_DIGEST
        await looks(2 * GONE_LOOKS)
    assert offers.contents == []


async def test_the_content_in_force_is_offered_after_a_reload_that_could_not_read_it(
    file: Path, offers: Offers
) -> None:
    """Between two looks it was away and somebody asked for a reload."""
    async with watching(file, offers):
        await looks(2)
        offers.known = UNREADABLE_DIGEST
        await looks(2)
    assert offers.contents == [b"first"]


async def test_what_a_reload_took_meanwhile_is_not_offered(file: Path, offers: Offers) -> None:
    async with watching(file, offers):
        put(file, b"second")
        await looks(1)
        offers.known = digest(b"second")
        await looks(5)
    assert offers.contents == []


async def test_a_pipe_is_left_alone(tmp_path: Path, offers: Offers) -> None:
    """Opening one would block the event loop until somebody writes."""
    os.mkfifo(tmp_path / "routes.yaml")
    async with watching(tmp_path / "routes.yaml", offers):
        await looks(3 * GONE_LOOKS)
    assert offers.contents == []


async def test_a_file_too_large_to_be_one_is_offered_cut(file: Path, offers: Offers) -> None:
    """One byte too many is enough for the loader to refuse it."""
    async with watching(file, offers):
        put(file, bytes(MAX_BYTES + 10))
        await looks(2)
    assert offers.contents == [OVERSIZE]


async def test_a_file_that_cannot_be_read_for_a_while_is_waited_for(
    file: Path, offers: Offers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    async with watching(file, offers):
        put(file, b"second")
        with monkeypatch.context() as patch:
            patch.setattr(type(file), "open", refuse)
            await looks(3)
        assert offers.contents == []
        await looks(2)
    assert offers.contents == [b"second"]


async def test_an_error_of_the_offer_ends_the_watch(file: Path, offers: Offers) -> None:
    offers.error = ValueError("a defect")
    put(file, b"second")
    with pytest.raises(ValueError, match="a defect"):
        await watch(file, lambda: offers.known, offers, EVERY)
