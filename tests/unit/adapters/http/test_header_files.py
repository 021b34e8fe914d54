"""A version's header whose value is in a file: read again when it changes, and never shown."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.http import header_files
from gateway.adapters.http.header_files import LOOK_SECONDS, HeaderFiles
from gateway.adapters.http.httpx_target import HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.delivery.header_value import MAX_BYTES, value_of_file
from gateway.core.routing.version import HeaderFile
from tests.contract.deliveries import deliver
from tests.contract.http_services import responding, serving

if TYPE_CHECKING:
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"Bearer a.b-c", "Bearer a.b-c"),
        (b"Bearer abc\n", "Bearer abc"),
        (b"Bearer abc\r\n", "Bearer abc"),
    ],
)
def test_a_line_end_at_the_end_is_not_part_of_the_value(content: bytes, value: str) -> None:
    assert value_of_file(content) == value


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"s3cret\n\n", b"s3cret\nx: y", b" s3cret", b"s3cret ", b"s3cr\xc3\xa9t",
     b"\0s3cret", b"s3cret" + b"x" * MAX_BYTES],
)  # fmt: skip
def test_another_content_is_refused_and_never_shown(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is ") as caught:
        value_of_file(content)
    assert "s3cr" not in str(caught.value)


def test_a_change_is_read_by_the_next_look_and_a_bad_file_is_reported_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "token", Clock()
    path.write_text("one\n")
    reports: list[tuple[str, ...]] = []
    files = HeaderFiles(
        [("x-team", "shop"), ("authorization", HeaderFile(str(path)))],
        lambda *report: reports.append(report),
        clock,
    )

    def seen() -> dict[str, str]:
        clock.now += LOOK_SECONDS
        assert files.due()
        return dict(files.read())

    assert seen() == {"x-team": "shop", "authorization": "one"}
    path.write_text("two\n")
    assert not files.due()
    assert seen()["authorization"] == "two"
    path.unlink()
    assert [seen()["authorization"] for _ in range(3)] == ["two"] * 3
    assert reports == [("authorization", str(path), "no such file or directory")]
    path.write_text("s3cret\nx")
    assert [seen()["authorization"] for _ in range(3)] == ["two"] * 3
    path.write_text("three")
    assert seen()["authorization"] == "three"
    assert len(reports) == 2
    assert "s3cret" not in str(reports)


def test_a_change_is_in_force_within_20_s() -> None:
    assert LOOK_SECONDS <= 20


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    files = HeaderFiles([("authorization", HeaderFile(str(tmp_path / "token")))])
    assert files.read() == []
    assert files.missing == "authorization"


@pytest.mark.parametrize("make", [NativeTarget, HttpxTarget])
async def test_deliveries_carry_what_the_file_says_now(
    make: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_files, "LOOK_SECONDS", 0)
    path = tmp_path / "token"
    path.write_text("Bearer one\n")
    async with serving(responding(OK)) as service:
        target = make(service.url, [("authorization", HeaderFile(str(path)))])
        for token in ("Bearer one", "Bearer two, which is longer"):
            path.write_text(token + "\n")
            assert await deliver(target) == Responded(200)
        path.unlink()
        assert await deliver(target) == Responded(200)
        await target.close()
    sent = [request.values("authorization") for request in service.requests]
    assert sent == [["Bearer one"], *[["Bearer two, which is longer"]] * 2]


@pytest.mark.parametrize("make", [NativeTarget, HttpxTarget])
async def test_nothing_is_sent_without_a_header_that_never_had_a_value(
    make: type[Any], tmp_path: Path
) -> None:
    """A service would reject what lacks its credentials, and the message would be lost to it."""
    reports: list[tuple[str, ...]] = []
    async with asyncio.timeout(10), serving(responding(OK)) as service:
        target = make(
            service.url,
            [("authorization", HeaderFile(str(tmp_path / "token")))],
            report=lambda *report: reports.append(report),
        )
        result = await deliver(target)
        await target.close()
    assert result == Unreachable("the file of its header authorization cannot be used")
    assert service.requests == []
    assert len(reports) == 1
