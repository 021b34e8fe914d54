"""Queue addresses as the routing file may write them: a name, a URL or an ARN.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
and https://docs.aws.amazon.com/general/latest/gr/sqs-service.html (endpoints)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from gateway.core.aws_partitions import PARTITIONS, Partition

_NAME = r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo"
_NAME_ONLY = re.compile(rf"(?:{_NAME})\Z")
_ARN = re.compile(
    rf"arn:(?P<partition>aws[a-z-]*):sqs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{{12}}):(?P<name>{_NAME})\Z"
)
_URL = re.compile(
    rf"(?P<origin>https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?)"
    rf"(?:/(?:queue/)?(?P<path_region>[a-z]{{2,}}(?:-[a-z]+)+-[0-9]+))?/(?P<account>[A-Za-z0-9]+)/(?P<name>{_NAME})\Z"
)
_USUAL_SUFFIX = "|".join(sorted({re.escape(each.suffix) for each in PARTITIONS}))
_DUAL_SUFFIX = "|".join(sorted({re.escape(each.dual_stack_suffix) for each in PARTITIONS}))
_SUFFIX = f"(?:{_USUAL_SUFFIX}|{_DUAL_SUFFIX})"
_AWS_HOST = re.compile(
    rf"""(?: (?P<special>(?:[a-z0-9-]+\.)?sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:vpce\.)?
            {_SUFFIX})
        |  (?P<legacy>[a-z0-9-]+)\.queue\.{_SUFFIX}
        |  (?P<oldest>queue\.amazonaws\.com) )\Z""",
    re.VERBOSE,
)
_USUAL_HOST = re.compile(rf"sqs\.[a-z0-9-]+\.(?:{_USUAL_SUFFIX})\Z")


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """A queue as configured. `url`, `region`, `account` and `endpoint` are None where not given.

    `endpoint` is the origin of a URL whose host is not the region's usual endpoint: an emulator, a
    proxy, an interface endpoint of a VPC, FIPS or dual-stack.
    """

    text: str
    name: str
    url: str | None = None
    region: str | None = None
    account: str | None = None
    endpoint: str | None = None

    @property
    def called(self) -> str:
        """What it is, with its name, in the words of a sentence."""
        return f"queue {self.text}"

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue: SQS requires the suffix of these and forbids it to others."""
        return self.name.endswith(".fifo")


def parse_queue(text: str, region: str | None = None) -> QueueAddress:
    """Return the address of a queue name, URL or ARN; `region` is the routing file's `region`.

    Raises ValueError for any other text, and where `region` contradicts the URL or ARN.
    """
    if _NAME_ONLY.match(text):
        return QueueAddress(text, text, region=region)
    if arn := _ARN.match(text):
        agreed = _agreed_region(arn["region"], region)
        return QueueAddress(text, arn["name"], region=agreed, account=arn["account"])
    if url := _URL.match(text):
        aws = _AWS_HOST.match(url["host"])
        agreed = _agreed_region(_region_of(aws) or url["path_region"], region)
        usual = aws and (not aws["special"] or _USUAL_HOST.match(url["host"]))
        endpoint = None if usual else url["origin"]
        return QueueAddress(text, url["name"], text, agreed, url["account"], endpoint)
    raise ValueError("is not a queue name (80 of A-Z a-z 0-9 _ -, FIFO with .fifo), URL or ARN")


def beside(queue: QueueAddress, source: QueueAddress) -> QueueAddress:
    """Return another queue of a route; one given by name is in the region of the route's queue."""
    return replace(queue, region=source.region) if queue.account is None else queue


def is_aws_host(host: str) -> bool:
    """Whether a host name is one of AWS's endpoints of SQS, one in a VPC included."""
    return _AWS_HOST.match(host) is not None


def partition_of(region: str) -> Partition:
    """Return the partition of a region; of one that is not known, AWS's first."""
    return next((each for each in PARTITIONS if each.regions.fullmatch(region)), PARTITIONS[0])


def _region_of(host: re.Match[str] | None) -> str | None:
    if host is None:
        return None
    return "us-east-1" if host["oldest"] else host["region"] or host["legacy"]


def _agreed_region(found: str | None, region: str | None) -> str | None:
    if found and region and found != region:
        raise ValueError(f"says region {found}, but region: says {region}")
    return found or region
