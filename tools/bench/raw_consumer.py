"""The least that a consumer can do, in raw bytes: shows what SQS and services can take.

python -m tools.bench.raw_consumer DRIVER EMULATOR_URL QUEUE [DELIVERY_URL]

DRIVER is the program made of driver.c, which does the same at less cost; "" where there is none.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final
from urllib.parse import urlsplit

import uvloop

from tools.bench.channel import Channel

LOOPS: Final = 8
BATCH: Final = 10
_BODY_START: Final = 32 + len('","Body":"')  # behind the MD5


def _request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _call(operation: str, members: bytes) -> bytes:
    return _request("/", {"x-amz-target": f"AmazonSQS.{operation}"}, members)


async def consume(emulator_port: int, queue: str, delivery_url: str | None) -> None:
    """Receive, deliver, delete, in a loop."""
    sqs = await Channel.open(emulator_port)
    service = urlsplit(delivery_url or "")
    channels = [await Channel.open(service.port or 80) for _ in range(BATCH if delivery_url else 0)]
    members = b'{"QueueUrl":"%s","MaxNumberOfMessages":10,"WaitTimeSeconds":1,' % queue.encode()
    members += b'"MessageSystemAttributeNames":["All"],"MessageAttributeNames":["All"]}'
    receive = _call("ReceiveMessage", members)
    while True:
        parts = _parts((await sqs.raw(receive))[1])
        posts = [
            channel.start(_post(service.path, message_id, body))
            for channel, (message_id, _, body) in zip(channels, parts, strict=False)
        ]
        for post in posts:
            await post
        if parts:
            await sqs.raw(_delete(queue, [receipt for _, receipt, _ in parts]))


def _parts(response: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return id, receipt and escaped body of each message; relies on the order of members."""
    found = []
    for message in response.split(b'{"MessageId":"')[1:]:
        message_id, _, rest = message.partition(b'","ReceiptHandle":"')
        receipt, _, rest = rest.partition(b'","MD5OfBody":"')
        found.append((message_id, receipt, rest[_BODY_START : rest.index(b'","Attributes":')]))
    return found


def _post(path: str, message_id: bytes, escaped_body: bytes) -> bytes:
    """Bodies of the bench have no escapes but those of quotation marks."""
    body = escaped_body.replace(b'\\"', b'"')
    return _request(path, {"x-aws-sqsd-msgid": message_id.decode()}, body)


def _delete(queue: str, receipts: list[bytes]) -> bytes:
    entries = b",".join(
        b'{"Id":"%d","ReceiptHandle":"%s"}' % entry for entry in enumerate(receipts)
    )
    return _call(
        "DeleteMessageBatch", b'{"QueueUrl":"%s","Entries":[%s]}' % (queue.encode(), entries)
    )


async def main(emulator_url: str, queue: str, delivery_url: str | None = None) -> None:
    """Run all loops until killed."""
    port = urlsplit(emulator_url).port or 80
    await asyncio.gather(*(consume(port, queue, delivery_url) for _ in range(LOOPS)))


def become(driver: str, emulator_url: str, queue: str, delivery_url: str | None = None) -> None:
    """Run the driver instead of this."""
    ports = [str(urlsplit(url or "").port or 0) for url in (emulator_url, delivery_url)]
    os.execv(driver, [driver, ports[0], queue, ports[1], str(LOOPS)])


if __name__ == "__main__":
    if sys.argv[1]:
        become(*sys.argv[1:])
    uvloop.run(main(*sys.argv[2:]))
