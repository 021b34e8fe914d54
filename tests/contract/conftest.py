"""What the contracts of SQS sources and of queue targets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from gateway.adapters.sqs.clients import SqsClients

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def clients() -> AsyncIterator[SqsClients]:
    """Made once for a class, since each costs a good part of a second."""
    async with SqsClients() as clients:
        yield clients
