"""A is configured as every AWS SDK is: its region too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from gateway.demo.services.front import Front

if TYPE_CHECKING:
    import pytest


async def test_the_region_is_found_where_eks_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    front = Front("A", "orders")
    runner = web.AppRunner(front.app())
    await runner.setup()
    try:
        assert front._queue._sqs.meta.region_name == "eu-west-3"
    finally:
        await runner.cleanup()
