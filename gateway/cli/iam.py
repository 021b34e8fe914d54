"""`gateway iam`: what each route's calls to SQS need to be allowed, and nothing else.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
and https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html
(a batch is allowed by the name of the single action: there is no sqs:DeleteMessageBatch)
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.config.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.core.addresses import QueueAddress
    from gateway.core.routing.route import Route

OK: Final = 0
OPEN: Final = "*"
"""What stands in an ARN for an account or a region that nobody has said."""

CONSUME: Final = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
)
SEND: Final = ("sqs:GetQueueUrl", "sqs:SendMessage")

_POLICY_LANGUAGE: Final = "2012-10-17"
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)*-[0-9]+\Z")
_PARTITIONS: Final = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
)
"""Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""

_ARN_PARTITION = re.compile(r"arn:(aws[a-z-]*):")


@dataclass(frozen=True, slots=True)
class Place:
    """Account and region of the queues that the routing file does not place; None where unsaid."""

    account: str | None = None
    region: str | None = None


def print_policies(routes: Sequence[Route], place: Place, *, merged: bool) -> int:
    """Print policy documents as JSON, and on stderr what they leave open; return the exit status.

    That is an object of documents by route name, or `merged` one document for all of them.
    Raises ProblemsFound for an account or a region that is none.
    """
    _check(place)
    for line in _left_open(routes, place):
        print(line, file=sys.stderr)
    print(json.dumps(_shown(routes, place, merged=merged), indent=2))
    return OK


def policy(routes: Iterable[Route], place: Place) -> dict[str, Any]:
    """Return a policy document that allows what these routes call."""
    statements = [one for route in routes for one in _statements(route, place)]
    return {"Version": _POLICY_LANGUAGE, "Statement": statements}


def arn(queue: QueueAddress, place: Place) -> str:
    """Return the queue's ARN, `*` for what is not known of it."""
    region, account = _region(queue, place), _account(queue, place)
    return f"arn:{_partition(queue, region)}:sqs:{region}:{account}:{queue.name}"


def _shown(routes: Sequence[Route], place: Place, *, merged: bool) -> dict[str, Any]:
    if merged:
        return policy(routes, place)
    return {route.name: policy([route], place) for route in routes}


def _statements(route: Route, place: Place) -> Iterator[dict[str, Any]]:
    # A queue that is given by its URL is never looked up; a dead-letter queue always is, so that
    # one that is missing is noticed at the start and not at the first reject.
    known = route.queue.url is not None
    actions = [action for action in CONSUME if not (known and action == "sqs:GetQueueUrl")]
    yield _allow(actions, arn(route.queue, place))
    if route.dead_letter is not None:
        yield _allow(list(SEND), arn(route.dead_letter, place))


def _allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _region(queue: QueueAddress, place: Place) -> str:
    return queue.region or place.region or OPEN


def _account(queue: QueueAddress, place: Place) -> str:
    """Return the account; an emulator's URL may have any word where AWS has the account."""
    stated = queue.account if _ACCOUNT.match(queue.account or "") else None
    return stated or place.account or OPEN


def _partition(queue: QueueAddress, region: str) -> str:
    if stated := _ARN_PARTITION.match(queue.text):
        return stated[1]
    return next((name for start, name in _PARTITIONS if region.startswith(start)), "aws")


def _left_open(routes: Iterable[Route], place: Place) -> Iterator[str]:
    for route in routes:
        for queue in filter(None, (route.queue, route.dead_letter)):
            wanted = ((_account(queue, place), "account"), (_region(queue, place), "region"))
            names = [name for value, name in wanted if value == OPEN]
            if names:
                flags = " and ".join(f"--{name}" for name in names)
                yield (
                    f"route {route.name}: the {' and '.join(names)} of queue {queue.name} "
                    f"{'is' if len(names) == 1 else 'are'} open, so any will do (say {flags})"
                )


def _check(place: Place) -> None:
    problems = []
    if place.account is not None and not _ACCOUNT.match(place.account):
        problems.append(_flag("--account", "is no AWS account", "12 digits"))
    if place.region is not None and not _REGION.match(place.region):
        problems.append(_flag("--region", "is no AWS region", "as in eu-west-1"))
    if problems:
        raise ProblemsFound(problems)


def _flag(flag: str, what: str, hint: str) -> Problem:
    return Problem("command line", None, flag, what, hint)
