"""The embedded SQS: ministack in a process of its own, on loopback, with SQS only.

Its module `sqs_process` adds the SenderId that SQS tells with each message.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.addresses import LOOPBACK
from gateway.demo.processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import aiohttp

    from gateway.demo.addresses import Addresses

COMMAND: Final = ("-m", "gateway.demo.sqs_process")
HEALTH: Final = "/_ministack/health"
REGION: Final = "us-east-1"
POLL_SECONDS: Final = 0.05
DRAIN_SECONDS: Final = 15.0
COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def settings(addresses: Addresses, folder: Path) -> dict[str, str]:
    """Return ministack's own settings; some begin with GATEWAY_, as the gateway's do."""
    return {
        "GATEWAY_PORT": str(addresses.ports["SQS"]),
        "BIND_HOST": LOOPBACK,
        "LOG_LEVEL": "WARNING",
        "SERVICES": "sqs",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # It removes the containers of every other ministack when it starts: hide Docker from it.
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        "TMPDIR": str(folder),
    }


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves SQS: `python COMMAND...`, its variables, and a path that is 200."""

    command: Callable[[Addresses], Sequence[str]]
    settings: Callable[[Addresses, Path], Mapping[str, str]]
    health: str


SERVER: Final = Server(lambda _: COMMAND, settings, HEALTH)


def client_settings(addresses: Addresses, access_key: str = "demo") -> dict[str, str]:
    """Return what an AWS SDK needs in its environment to use the embedded SQS.

    Messages come from the sender whom `access_key` stands for (senders.py).
    """
    return {
        "AWS_ENDPOINT_URL_SQS": addresses.url("SQS"),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": "demo",
    }


class EmbeddedQueue:
    """One queue, by unsigned requests of the JSON protocol, which the emulator accepts.

    An SDK in this process would use the profile and proxies of the user.
    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
    """

    def __init__(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        self._session = session
        self._endpoint = endpoint
        self._url = ""

    async def create(self, name: str, attributes: Mapping[str, str]) -> None:
        """Create the queue."""
        created = await self._call("CreateQueue", QueueName=name, Attributes=dict(attributes))
        self._url = created["QueueUrl"]

    async def send(self, bodies: Sequence[str]) -> None:
        """Send up to 10 messages; raises DemoError where one is not accepted."""
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
        sent = await self._call("SendMessageBatch", QueueUrl=self._url, Entries=entries)
        if sent.get("Failed"):
            raise DemoError(f"SQS did not take {len(sent['Failed'])} of {len(bodies)} messages")

    async def depth(self) -> int:
        """Return the number of its messages: visible, in flight and delayed."""
        response = await self._call(
            "GetQueueAttributes", QueueUrl=self._url, AttributeNames=list(COUNTS)
        )
        return sum(int(response["Attributes"][name]) for name in COUNTS)

    async def _call(self, action: str, **parameters: Any) -> dict[str, Any]:
        headers = {
            "x-amz-target": f"AmazonSQS.{action}",
            "content-type": "application/x-amz-json-1.0",
        }
        async with self._session.post(self._endpoint, json=parameters, headers=headers) as response:
            response.raise_for_status()
            parsed: dict[str, Any] = await response.json(content_type=None)
            return parsed


async def wait_until_empty(
    queues: Sequence[EmbeddedQueue], within_seconds: float = DRAIN_SECONDS
) -> int:
    """Return the number of messages left in queues, 0 as soon as they are empty."""
    deadline = asyncio.get_running_loop().time() + within_seconds
    while left := sum([await queue.depth() for queue in queues]):
        if asyncio.get_running_loop().time() > deadline:
            return left
        await asyncio.sleep(POLL_SECONDS)
    return 0
