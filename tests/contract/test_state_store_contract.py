"""Each kind of StateStore, held to the one contract; and what a file alone promises."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.state import disk
from gateway.adapters.state.file import FileStore
from gateway.adapters.state.memory import MemoryStore
from gateway.core.rollout.route_state import RouteState, Torn
from gateway.state_port import StateError
from tests.contract.state_stores import (
    ONES,
    STATE,
    LastingStoreContract,
    StateStoreContract,
    set_to,
)
from tests.fakes.threads import hold_loop

if TYPE_CHECKING:
    from gateway.state_port import StateStore


class InMemory:
    def make(self) -> StateStore:
        return MemoryStore()

    def tear(self, text: str) -> None:
        raise NotImplementedError


class InAFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> FileStore:
        return FileStore(self.path)

    def tear(self, text: str) -> None:
        self.path.write_text(text)


class TestMemoryStore(StateStoreContract):
    @pytest.fixture
    def place(self) -> InMemory:
        return InMemory()


class TestFileStore(LastingStoreContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> InAFile:
        return InAFile(tmp_path / "state.json")

    async def test_what_a_thread_read_is_seen_once_it_is_open(self, place: InAFile) -> None:
        """Whoever sees that the state is torn may act on it: both come in one step of the loop."""
        place.tear("{")
        store, seen = place.make(), list[object]()
        hold_loop(lambda: seen.append((store.problems, store.state)))
        before = (store.problems, store.state)
        await store.open()
        assert seen == [before]
        assert store.problems
        await store.close()

    async def test_other_routes_stay_torn_when_one_has_a_state_again(self, place: InAFile) -> None:
        """The file was torn as a whole, so nothing is known of them: they are not fresh."""
        place.tear("{")
        store = await self.opened(place)
        await store.update("orders", set_to(5))
        again = await self.reopened(place, store)
        assert again.state.of("orders") == RouteState(1, 5)
        assert isinstance(again.state.of("payments"), Torn)
        await again.close()

    async def test_a_torn_file_is_kept_beside_the_new_one(self, place: InAFile) -> None:
        place.tear("{ once")
        store = await self.opened(place)
        assert place.path.read_text() == "{ once"
        await store.update("orders", set_to(5))
        await store.update("orders", set_to(6))
        assert place.path.with_name("state.json.torn").read_text() == "{ once"
        await store.close()

    async def test_a_folder_in_place_of_the_file_is_torn_and_cannot_be_written(
        self, place: InAFile
    ) -> None:
        place.path.mkdir()
        store = await self.opened(place)
        torn = store.state.of("orders")
        assert isinstance(torn, Torn)
        assert "is a folder" in torn.why
        with pytest.raises(StateError, match=r"state\.json: is a directory"):
            await store.update("orders", set_to(5))
        assert store.state.of("orders") == torn
        await store.close()

    async def test_a_pipe_is_torn_and_not_waited_for(self, place: InAFile) -> None:
        os.mkfifo(place.path)
        store = await self.opened(place)
        assert "is not a regular file" in store.problems[0]
        await store.close()

    async def test_a_file_that_cannot_be_read_is_torn(
        self, place: InAFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By way of a stand-in: for root every file can be read."""

        def refuse(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(disk.os, "open", refuse)
        with pytest.raises(disk.TornStateError, match="cannot be read: permission denied"):
            disk.read_text(place.path)

    async def test_bytes_that_are_no_text_are_torn(self, place: InAFile) -> None:
        place.path.write_bytes(b"\xff\xfe")
        store = await self.opened(place)
        assert "is not UTF-8" in store.problems[0]
        await store.close()

    async def test_a_missing_folder_is_an_error_when_it_is_opened(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "missing" / "state.json")
        with pytest.raises(StateError, match="No such file or directory"):
            await store.open()

    async def test_a_second_gateway_is_refused_while_the_first_has_the_file(
        self, place: InAFile
    ) -> None:
        """They would overwrite each other's state."""
        first = await self.opened(place)
        with pytest.raises(StateError, match="another gateway uses it"):
            await self.opened(place)
        await first.close()
        await (await self.opened(place)).close()

    async def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "volume").mkdir()
        link = tmp_path / "state.json"
        link.symlink_to(tmp_path / "volume" / "state.json")
        store = FileStore(link)
        await store.open()
        await store.update("orders", set_to(5))
        await store.close()
        assert link.is_symlink()
        assert (tmp_path / "volume" / "state.json").is_file()

    async def test_links_in_a_circle_are_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(tmp_path / "a")
        with pytest.raises(StateError):
            await FileStore(tmp_path / "a").open()

    @pytest.mark.parametrize("failing", ["fsync", "replace"])
    async def test_a_write_that_fails_leaves_the_old_state(
        self, place: InAFile, monkeypatch: pytest.MonkeyPatch, failing: str
    ) -> None:
        """As a full disk: what was told stays true, in the file and in the store."""
        store = await self.opened(place)
        await store.update("orders", lambda _: STATE)
        before = place.path.read_text()

        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(disk.os if failing == "fsync" else Path, failing, refuse)
            with pytest.raises(StateError, match="no space left on device"):
                await store.update("orders", set_to(0))
        assert store.state.of("orders") == STATE
        assert place.path.read_text() == before
        assert await store.update("orders", set_to(0)) == RouteState(2, 0)
        await store.close()

    async def test_a_file_is_synced_before_and_its_folder_after_the_rename(
        self, place: InAFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = await self.opened(place)
        acts: list[str] = []
        sync, rename = os.fsync, Path.replace

        def syncs(number: int) -> None:
            acts.append("sync " + Path(f"/proc/self/fd/{number}").readlink().name)
            sync(number)

        def renames(path: Path, target: Path) -> Path:
            acts.append(f"rename {target.name}")
            return rename(path, target)

        monkeypatch.setattr(disk.os, "fsync", syncs)
        monkeypatch.setattr(Path, "replace", renames)
        await store.update("orders", set_to(5))
        folder = place.path.parent.name
        assert acts == ["sync .state.json.new", "rename state.json", f"sync {folder}"]
        await store.close()

    async def test_a_new_file_that_a_crash_left_is_written_over(self, place: InAFile) -> None:
        place.path.with_name(".state.json.new").write_text("half")
        store = await self.opened(place)
        assert store.state.of("orders") is None
        await store.update("orders", set_to(5))
        await store.close()

    async def test_a_cancelled_write_does_not_mix_with_the_next(self, place: InAFile) -> None:
        store = await self.opened(place)
        writing = asyncio.create_task(store.publish({"orders": ONES}))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        await store.update("orders", set_to(5))
        again = await self.reopened(place, store)
        assert again.state.of("orders") == RouteState(1, 5)
        await again.close()
