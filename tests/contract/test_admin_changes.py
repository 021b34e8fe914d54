"""Who may change something over the admin port, seen from outside (docs/reference/admin-api.md)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.unit.adapters.admin.admin_port import READS, RELOAD, admin_server, serving
from tests.unit.adapters.fakes import FakeControl


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


async def test_without_a_token_loopback_may_reload(control: FakeControl) -> None:
    async with serving(control) as session, session.post(RELOAD) as answer:
        assert answer.status == 200
    assert control.reloads == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.evil.test"},
    ],
    ids=str,
)
async def test_without_a_token_another_sites_page_may_not_reload(
    control: FakeControl, headers: dict[str, str]
) -> None:
    async with serving(control) as session, session.post(RELOAD, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (403, "text/plain")
    assert control.reloads == 0


async def test_with_a_token_a_reload_needs_it(control: FakeControl) -> None:
    async with serving(control, token="s3cret") as session:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            async with session.post(RELOAD, headers=headers) as answer:
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert "s3cret" not in await answer.text()
        assert control.reloads == 0
        async with session.post(RELOAD, headers={"Authorization": "Bearer s3cret"}) as answer:
            assert answer.status == 200
    assert control.reloads == 1


@pytest.mark.parametrize("path", READS)
async def test_with_a_token_reading_needs_none(control: FakeControl, path: str) -> None:
    async with serving(control, token="s3cret") as session, session.get(path) as answer:
        assert answer.status == 200


class FakeTransport(asyncio.Transport):
    """A connection from wherever the test says."""

    def __init__(self, peername: Any) -> None:
        super().__init__({"peername": peername})


@pytest.mark.parametrize(
    ("peername", "status"),
    [
        (("127.0.0.1", 5), 200),
        (("::1", 5, 0, 0), 200),
        (("::ffff:127.0.0.1", 5, 0, 0), 200),
        (("10.1.2.3", 5), 403),
        (("::ffff:10.1.2.3", 5, 0, 0), 403),
        (("127.0.0.6", 5), 403),
        (None, 403),
        ("", 403),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "claims", [{}, {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}], ids=str
)
async def test_the_connections_own_peer_counts_and_no_header(
    control: FakeControl, peername: Any, status: int, claims: dict[str, str]
) -> None:
    request = make_mocked_request(
        "POST", RELOAD, {"Host": "127.0.0.1", **claims}, transport=FakeTransport(peername)
    )
    answer = await admin_server(control)._application()._handle(request)
    assert answer.status == status
    assert control.reloads == (1 if status == 200 else 0)
