"""The demo's processes: what they may know of the outside, and that none of them stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.demo.processes import (
    ChildProcess,
    DemoError,
    Processes,
    clean_environment,
    describe_exit,
)
from gateway.demo.reaper import end_groups, remaining
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

FOREVER = "import time; print('up', flush=True); time.sleep(3600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"
DYING = "print('first'); print('last words'); raise SystemExit(3)"

ORPHANS = """
import asyncio, os, pathlib, sys
from gateway.demo.processes import Processes

async def main():
    children = Processes(pathlib.Path(sys.argv[1]))
    await children.__aenter__()
    child = await children.start("child", ["-c", "import time; time.sleep(3600)"], {})
    print(child.process.pid, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody reaps does not."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return bool(shown.stdout.strip()) and not shown.stdout.strip().startswith("Z")


async def up(child: ChildProcess) -> None:
    await asyncio.to_thread(until, lambda: "up" in child.log.read_text("utf-8"), "the child")


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_leaving_ends_every_process(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        started = [await processes.start(name, ["-c", FOREVER], {}) for name in "ab"]
        assert all(child.running for child in started)
    assert [child.process.returncode for child in started] == [-signal.SIGTERM] * 2


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        child = await processes.start("stubborn", ["-c", STUBBORN], {})
        await up(child)
        await processes.stop(child, grace_seconds=0.05)
        assert child.process.returncode == -signal.SIGKILL


async def test_a_cancelled_stop_kills_at_once(tmp_path: Path) -> None:
    """The second Ctrl-C does not wait for the grace period."""
    async with Processes(tmp_path) as processes:
        child = await processes.start("stubborn", ["-c", STUBBORN], {})
        await up(child)
        stopping = asyncio.create_task(processes.stop(child, grace_seconds=3600))
        await asyncio.sleep(0)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        assert child.process.returncode == -signal.SIGKILL


async def test_a_process_that_dies_ends_the_work_with_its_last_words(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        await processes.start("B", ["-c", DYING], {})
        with pytest.raises(DemoError, match=r"B ended by itself \(exit status 3\)") as raised:
            await processes.while_alive(forever())
    assert raised.value.last_lines == ["first", "last words"]


async def test_a_dead_process_is_the_news_though_the_work_failed_first(tmp_path: Path) -> None:
    async def fail_when_it_is_dead() -> None:
        await child.process.wait()
        raise OSError("connection refused")

    async with Processes(tmp_path) as processes:
        child = await processes.start("B", ["-c", DYING], {})
        with pytest.raises(DemoError, match="B ended by itself"):
            await processes.while_alive(fail_when_it_is_dead())


async def test_work_that_fails_by_itself_says_so(tmp_path: Path) -> None:
    async def fail() -> None:
        raise DemoError("A responded with 500")

    async with Processes(tmp_path) as processes:
        with pytest.raises(DemoError, match="A responded with 500"):
            await processes.while_alive(fail())


async def test_a_process_that_was_stopped_is_not_reported(tmp_path: Path) -> None:
    async def done() -> str:
        return "done"

    async with Processes(tmp_path) as processes:
        child = await processes.start("B", ["-c", FOREVER], {})
        await processes.stop(child)
        assert await processes.while_alive(done()) == "done"


def test_no_process_outlives_a_demo_that_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        pid = int(demo.stdout.readline())
        assert alive(pid)
        demo.kill()
    until(lambda: not alive(pid), f"the end of {pid}")


def test_the_reaper_remembers_who_was_started_and_has_not_ended() -> None:
    assert remaining(["+1\n", "+2\n", "-1\n", "+3\n", "-9\n"]) == {2, 3}


def test_ending_a_group_that_has_gone_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        process.wait()
    end_groups([process.pid], signal.SIGTERM)


def test_processes_know_no_proxy_no_profile_and_no_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "AWS_PROFILE", "AWS_ENDPOINT_URL", "GATEWAY_CONFIG"):
        monkeypatch.setenv(name, "hostile")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/home/somebody/.aws/config")
    found = clean_environment()
    assert "hostile" not in found.values()
    assert found["AWS_CONFIG_FILE"] == found["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert found["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("status", "words"), [(3, "exit status 3"), (-9, "SIGKILL"), (-250, "signal 250")]
)
def test_how_a_process_ended_is_said_in_words(status: int, words: str) -> None:
    assert describe_exit(status) == words
