"""What a user would write: receive ten, post them in parallel, delete those with a 2xx.

python -m tools.bench.plain_consumer QUEUE DELIVERY_URL
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httpx
from aiobotocore.session import get_session


async def consume(queue: str, url: str) -> None:
    """Consume until killed."""
    async with get_session().create_client("sqs") as sqs, httpx.AsyncClient() as http:
        queue_url = (await sqs.get_queue_url(QueueName=queue))["QueueUrl"]
        while True:
            response = await sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
            )
            messages = response.get("Messages", [])
            taken = await asyncio.gather(*(deliver(http, url, message) for message in messages))
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, (message, ok) in enumerate(zip(messages, taken, strict=True))
                if ok
            ]
            if entries:
                await sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)


async def deliver(http: httpx.AsyncClient, url: str, message: dict[str, Any]) -> bool:
    """Post one message; return whether the service responded with 2xx."""
    headers = {"content-type": "application/json", "x-aws-sqsd-msgid": message["MessageId"]}
    response = await http.post(url, content=message["Body"], headers=headers)
    return response.is_success


if __name__ == "__main__":
    asyncio.run(consume(*sys.argv[1:]))
