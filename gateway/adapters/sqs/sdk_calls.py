"""Calls to SQS over aiobotocore, with their failures as SourceErrors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.adapters.sqs.errors import FAILURES, to_source_error
from gateway.adapters.sqs.queue_attributes import identity
from gateway.adapters.sqs.responses import find_failed_entries
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.adapters.sqs.clients import SqsClients
    from gateway.core.addresses import QueueAddress
    from gateway.ports import EntryError


async def call_sdk(
    clients: SqsClients, address: QueueAddress, operation: str, *, needs: str = "", **arguments: Any
) -> Any:
    """Call an operation by the SDK's name for it; the response must have the member `needs`."""
    try:
        client = await clients.client(address, receiving=operation == "receive_message")
        response = await getattr(client, operation)(**arguments)
    except FAILURES as error:
        raise to_source_error(error, operation) from error
    if needs and needs not in response:  # the SDK reads a 200 that is cut off as `{}`
        raise SourceError(
            f"{operation}: the response confirms nothing, it has no {needs}", "InvalidResponse"
        )
    return response


async def look_up(clients: SqsClients, address: QueueAddress) -> str:
    """GetQueueUrl; an emulator's URL may have any text where AWS has the account."""
    account = address.account if (address.account or "").isdigit() else None
    owner = {"QueueOwnerAWSAccountId": account} if account else {}
    response = await call_sdk(
        clients, address, "get_queue_url", needs="QueueUrl", QueueName=address.name, **owner
    )
    return str(response["QueueUrl"])


async def identify(clients: SqsClients, address: QueueAddress, url: str, account: str = "") -> str:
    """Return what all addresses of a queue share; `account` is its owner where that is known."""
    try:
        meta = (await clients.client(address, receiving=False)).meta
    except FAILURES as error:
        raise to_source_error(error, "resolve") from error
    return identity(meta.endpoint_url, meta.region_name, url, account)


def parse_batch(operation: str, response: Mapping[str, Any], entries: int) -> dict[int, EntryError]:
    """Return failed entries by position, from a response that the SDK parsed."""
    try:
        return find_failed_entries(response, entries)
    except FAILURES as error:
        raise to_source_error(error, operation) from error
    except KeyError as error:
        raise SourceError(
            f"{operation}: an entry of the response has no {error}", "InvalidResponse"
        ) from error
