"""B and B1 of a rollout fail as they are told, and remember every delivery."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.demo.services.trouble import RECEIVES, Troubled


@pytest.mark.asyncio
async def test_it_fails_from_the_moment_at_which_it_is_told_until_it_is_mended() -> None:
    async with TestClient(TestServer(Troubled().app())) as client:

        async def deliver(number: int, receives: int) -> int:
            headers = {RECEIVES: str(receives)}
            body = {"order": f"order-{number}"}
            async with client.post("/events", json=body, headers=headers) as response:
                return response.status

        statuses = [await deliver(1, 1)]
        await client.put("/trouble", json={"failing": 1.0, "slow": 0.0})
        statuses.append(await deliver(2, 1))
        await client.put("/trouble", json={"failing": 0.0, "slow": 0.0})
        statuses.append(await deliver(2, 2))
        assert statuses == [200, 500, 200]
        seen = await (await client.get("/seen", params={"from": "1"})).json()
    assert [(one["order"], one["receives"], one["good"]) for one in seen] == [
        ("order-2", 1, False),
        ("order-2", 2, True),
    ]
    assert all(one["began"] <= one["at"] for one in seen)
