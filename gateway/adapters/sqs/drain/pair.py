"""The two queues of a drain, found and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.adapters.sqs.drain.queues import SqsEnd, open_end
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.adapters.sqs.send_results import MISSING_CODES
from gateway.ports import SourceError

if TYPE_CHECKING:
    from gateway.adapters.sqs.clients import SqsClients
    from gateway.core.addresses import QueueAddress


class UnfitError(Exception):
    """A queue that is missing, the other one too, or of the other type. `place`: its argument."""

    def __init__(self, place: str, what: str, hint: str) -> None:
        super().__init__(what)
        self.place = place
        self.what = what
        self.hint = hint


class Pair(NamedTuple):
    """The queue that is drained, twice: to receive and to count; and the one that gets all."""

    source: SdkSqsSource
    depths: SqsEnd
    target: SqsEnd
    lease_seconds: int


async def open_pair(clients: SqsClients, source: QueueAddress, target: QueueAddress) -> Pair:
    """Find both queues; raises UnfitError, and SourceError where SQS cannot be asked."""
    if source.fifo != target.fifo:
        kinds = "a FIFO queue, and SOURCE is not" if target.fifo else "no FIFO queue, and SOURCE is"
        raise UnfitError("--to", f"is {kinds}", "name a queue of the same type")
    one, other = SdkSqsSource(clients, source), SdkSqsSource(clients, target)
    try:
        traits = await one.open()
    except SourceError as error:
        raise missing_queue("SOURCE", error) from error
    try:
        of_target = await other.open()
    except SourceError as error:
        raise missing_queue("--to", error) from error
    if traits.identity == of_target.identity:
        raise UnfitError("--to", "is the queue that is drained", "name another queue")
    depths = await open_end(clients, source, one.url)
    return Pair(one, depths, await open_end(clients, target, other.url), traits.lease_seconds)


def missing_queue(place: str, error: SourceError) -> Exception:
    """Return what to raise where a queue cannot be opened; UnfitError where there is none."""
    if error.code not in MISSING_CODES:
        return error
    hint = "check its name, the region (AWS_REGION) and the account; a URL or an ARN has all three"
    return UnfitError(place, "there is no such queue", hint)
