"""The emulator tells the sender of each message by the credentials of the request that sent it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.demo.senders import UNSIGNED
from tools.bench.channel import Channel
from tools.emulator.running import served

if TYPE_CHECKING:
    from collections.abc import Mapping


async def call(channel: Channel, operation: str, key: str = "", **members: Any) -> Any:
    headers: Mapping[str, str] = {"x-amz-target": f"AmazonSQS.{operation}"}
    if key:
        headers = {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={key}/20261129/x"}
    members.setdefault("QueueUrl", "orders")
    return json.loads(
        (await channel.request("POST", "/", json.dumps(members).encode(), headers))[1]
    )


async def test_one_connection_may_carry_requests_of_several_senders() -> None:
    async with served() as here:
        channel = await Channel.open(int(here.url.rpartition(":")[2]))
        await call(channel, "CreateQueue", QueueName="orders")
        for body, key in (("a", "AIDAA"), ("b", ""), ("c", "AROAC:c1,version=v2")):
            await call(channel, "SendMessage", key, MessageBody=body)

        received = await call(
            channel, "ReceiveMessage", "AIDAA", MaxNumberOfMessages=10, AttributeNames=["All"]
        )

        channel.close()
    senders = [message["Attributes"]["SenderId"] for message in received["Messages"]]
    assert senders == ["AIDAA", UNSIGNED, "AROAC:c1,version=v2"]
