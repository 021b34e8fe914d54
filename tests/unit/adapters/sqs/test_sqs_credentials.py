"""One set of credentials for all clients, and another one once SQS refuses it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import CredentialRetrievalError
from structlog.testing import capture_logs

from gateway.adapters.sqs.credentials import (
    ASK_SECONDS,
    DENIED_SECONDS,
    REJECTED_SECONDS,
    SharedCredentials,
    find_credentials,
    make_error_hook,
)
from gateway.adapters.sqs.signing import SIGNED_WITH
from tests.unit.adapters.fakes import Clock

if TYPE_CHECKING:
    from pathlib import Path


class Source:
    """Credentials as the SDK's chain finds them: keys come one after the other, the last stays."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.error: Exception | None = None
        self.hangs: asyncio.Event | None = None

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        self.asked += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.error is not None:
            raise self.error
        key = self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]
        return ReadOnlyCredentials(key, "secret", None)


class Rig:
    """Credentials with a clock that stands; each look finds the next source, the last one stays."""

    def __init__(self, *sources: Source | Exception | None) -> None:
        self.clock = Clock()
        self.sources = list(sources)
        self.looks = 0
        self.credentials = SharedCredentials(self._find, self.clock)

    async def _find(self, region: str | None) -> Source | None:
        self.looks += 1
        found = self.sources.pop(0) if len(self.sources) > 1 else self.sources[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def key(self) -> str | None:
        found = await self.credentials.get_frozen_credentials()
        return None if found is None else str(found.access_key)


async def test_the_sdk_is_asked_again_only_after_a_while() -> None:
    """It may call STS each time, for as long as a refresh is due and fails."""
    source = Source("A", "B")
    rig = Rig(source)
    assert [await rig.key() for _ in range(10)] == ["A"] * 10
    assert (rig.looks, source.asked) == (1, 1)
    rig.clock.now += ASK_SECONDS
    assert await rig.key() == "B"
    assert (rig.looks, source.asked) == (1, 2)


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
async def test_refused_credentials_are_looked_for_anew_once_for_all_who_were_refused(
    code: str,
) -> None:
    rig = Rig(Source("A"), Source("B"))
    await rig.key()
    for _ in range(20):
        rig.credentials.on_error("A", code)
    assert [await rig.key() for _ in range(5)] == ["B"] * 5
    assert rig.looks == 2


async def test_another_look_waits_for_a_while_however_often_sqs_refuses() -> None:
    rig = Rig(Source("A"))
    for _ in range(100):
        await rig.key()
        rig.credentials.on_error("A", "ExpiredToken")
        rig.clock.now += 0.25
    assert rig.looks == 1 + math.ceil(100 * 0.25 / REJECTED_SECONDS)


async def test_a_denied_permission_is_seldom_the_credentials_fault() -> None:
    """It is where a session was revoked, so it is a reason to look, once a minute."""
    rig = Rig(Source("A"))
    for _ in range(100):
        await rig.key()
        rig.credentials.on_error("A", "AccessDenied")
        rig.clock.now += DENIED_SECONDS / 50
    assert rig.looks == 3
    rig.credentials.on_error("A", "ExpiredToken")
    await rig.key()
    assert rig.looks == 4, "an expired token does not wait for that minute"


@pytest.mark.parametrize("code", ["QueueDoesNotExist", "RequestThrottled", "InternalError", ""])
async def test_any_other_error_says_nothing_of_credentials(code: str) -> None:
    rig = Rig(Source("A"))
    await rig.key()
    rig.credentials.on_error("A", code)
    await rig.key()
    assert rig.looks == 1


async def test_the_refusal_of_a_key_that_is_not_in_use_any_more_is_no_news() -> None:
    """A call that was under way while the keys changed."""
    source = Source("A", "B")
    rig = Rig(source)
    await rig.key()
    rig.clock.now += ASK_SECONDS
    await rig.key()
    rig.credentials.on_error("A", "ExpiredToken")
    rig.credentials.on_error(None, "ExpiredToken")
    assert await rig.key() == "B"
    assert rig.looks == 1


async def test_what_there_is_stays_in_use_while_nothing_else_can_be_had() -> None:
    """It may be good yet: SQS may have erred, and botocore refreshes ten minutes early."""
    rig = Rig(Source("A"), ValueError("STS says no"), Source("B"))
    await rig.key()
    rig.credentials.on_error("A", "ExpiredToken")
    assert [await rig.key() for _ in range(3)] == ["A"] * 3
    assert rig.looks == 2
    rig.clock.now += REJECTED_SECONDS
    assert await rig.key() == "B"


async def test_without_any_the_reason_is_reported_and_the_next_try_comes_soon() -> None:
    source = Source("A")
    source.error = FileNotFoundError("no such file: token")
    rig = Rig(source)
    for _ in range(5):
        with pytest.raises(CredentialRetrievalError, match="no such file: token"):
            await rig.key()
    assert source.asked == 1
    source.error = None
    rig.clock.now += ASK_SECONDS
    assert await rig.key() == "A"


async def test_credentials_that_come_later_are_found() -> None:
    rig = Rig(None, Source("A"))
    assert await rig.key() is None
    rig.clock.now += ASK_SECONDS
    assert await rig.key() == "A"


async def test_a_refresh_that_hangs_holds_up_only_the_one_who_asked() -> None:
    source = Source("A", "B")
    rig = Rig(source)
    await rig.key()
    rig.clock.now += ASK_SECONDS
    source.hangs = asyncio.Event()
    asking = asyncio.create_task(rig.key())
    await asyncio.sleep(0)
    assert await rig.key() == "A"
    source.hangs.set()
    assert await asking == "B"


async def test_a_change_of_state_is_one_line_and_none_has_a_key() -> None:
    source = Source("AKIA-1", "AKIA-2")
    rig = Rig(source)
    with capture_logs() as lines:
        await rig.key()
        source.error = RuntimeError("STS is down")
        for _ in range(10):
            rig.clock.now += REJECTED_SECONDS
            await rig.key()
        source.error = None
        for _ in range(10):
            rig.clock.now += REJECTED_SECONDS
            await rig.key()
        rig.credentials.on_error("AKIA-2", "ExpiredToken")
        rig.sources = [Source("AKIA-3")]
        await rig.key()
    assert [line["event"] for line in lines] == [
        "credentials cannot be had",
        "credentials can be had again",
        "other credentials are in use",
    ]
    assert lines[0]["why"] == "STS is down"
    assert "AKIA" not in str(lines)


async def test_a_rewritten_credentials_file_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for key in ("ONE", "TWO"):
        file.write_text(f"[default]\naws_access_key_id={key}\naws_secret_access_key=s\n")
        found = await find_credentials("eu-west-1")
        assert (await found.get_frozen_credentials()).access_key == key


class Responded:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


@pytest.mark.parametrize(
    ("status", "parsed", "looks"),
    [
        (403, {"Error": {"Code": "ExpiredToken"}}, 2),
        (403, {"Error": {"Code": "AWS.SimpleQueueService.InvalidSecurity"}}, 2),
        (200, {"Error": {"Code": "ExpiredToken"}}, 1),
        (403, {}, 1),
    ],
)
async def test_the_hook_hears_of_refusals_alone(
    status: int, parsed: dict[str, Any], looks: int
) -> None:
    rig = Rig(Source("A"))
    await rig.key()
    hook = make_error_hook(rig.credentials)
    hook(Responded(status), parsed, context={SIGNED_WITH: "A"}, model=None, event_name="x")
    await rig.key()
    assert rig.looks == looks
