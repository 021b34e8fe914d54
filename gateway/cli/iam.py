"""`gateway iam`: what each route's calls to SQS or MSK need to be allowed, and nothing else.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
and https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html
(a batch is allowed by the name of the single action: there is no sqs:DeleteMessageBatch)
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.arguments import OF_PROBLEMS, add_file_command, epilog, routing_table
from gateway.cli.exit_status import OK, PROBLEMS
from gateway.cli.iam_kafka import kafka_notes, kafka_statements
from gateway.cli.iam_place import ACCOUNT, OPEN, REGION, Place, allow, left_open
from gateway.core.addresses import QueueAddress, partition_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.cli.arguments import Commands
    from gateway.config.problems.problem import Problem
    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version

CONSUME: Final = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
)
SEND: Final = ("sqs:GetQueueUrl", "sqs:SendMessage")

_POLICY_LANGUAGE: Final = "2012-10-17"
_ARN_PARTITION = re.compile(r"arn:(aws[a-z-]*):")


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    end = epilog(
        {OK: "the policy is on stdout", PROBLEMS: f"{OF_PROBLEMS}, or in a flag"},
        "gateway iam routes.yaml",
        "gateway iam routes.yaml --merged --account 123456789012 --region eu-west-1",
    )
    parser = add_file_command(
        commands, "iam", run, "print the IAM policy that each route needs", end
    )
    parser.add_argument("--route", metavar="NAME", help="this route's policy document alone")
    parser.add_argument(
        "--merged", action="store_true", help="one document for all routes: for a pod's one role"
    )
    parser.add_argument(
        "--account", metavar="ID", help="of what the file gives without one; else any"
    )
    parser.add_argument(
        "--region", metavar="NAME", help="of what the file gives without one; else any"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the IAM policy that each route needs; no network."""
    from gateway.cli.explain import route_named

    table = routing_table(arguments)
    name = arguments.route
    routes = table.routes if name is None else (route_named(table, name),)
    place = Place(arguments.account, arguments.region)
    return print_policies(routes, place, merged=arguments.merged or name is not None)


def print_policies(routes: Sequence[Route], place: Place, *, merged: bool) -> int:
    """Print policy documents as JSON, and on stderr what they leave open; return the exit status.

    The JSON is an object of documents by route name, or with `merged` one document for all routes.
    Where nothing is needed there is no document: IAM refuses one without a statement. Raises
    ProblemsFound for an account or a region that AWS cannot have.
    """
    _check(place)
    for line in _notes(routes, place):
        print(line, file=sys.stderr)
    documents = _documents(routes, place, merged=merged)
    if documents:
        print(json.dumps(documents, indent=2))
    else:
        print("no policy is needed, so none is printed", file=sys.stderr)
    return OK


def policy(routes: Iterable[Route], place: Place) -> dict[str, Any]:
    """Return a policy document that allows the calls of these routes, and nothing else."""
    statements = [one for route in routes for one in _statements(route, place)]
    return {"Version": _POLICY_LANGUAGE, "Statement": statements}


def arn(queue: QueueAddress, place: Place) -> str:
    """Return the queue's ARN, with `*` for each part that is not known."""
    region, account = _region(queue, place), _account(queue, place)
    return f"arn:{_partition(queue, region)}:sqs:{region}:{account}:{queue.name}"


def _documents(routes: Sequence[Route], place: Place, *, merged: bool) -> dict[str, Any]:
    """Return what to print; empty where no route needs anything."""
    if merged:
        document = policy(routes, place)
        return document if document["Statement"] else {}
    each = ((route.name, policy([route], place)) for route in routes)
    return {name: document for name, document in each if document["Statement"]}


def _statements(route: Route, place: Place) -> Iterator[dict[str, Any]]:
    # A queue that is given by its URL is never looked up. A dead-letter queue always is, so that a
    # missing one is noticed at the start and not at the first reject.
    if not isinstance(route.queue, QueueAddress):
        yield from kafka_statements(route, place)
        return
    known = route.queue.url is not None
    actions = [action for action in CONSUME if not (known and action == "sqs:GetQueueUrl")]
    yield allow(actions, arn(route.queue, place))
    if isinstance(route.dead_letter, QueueAddress):
        yield allow(list(SEND), arn(route.dead_letter, place))
    targets: dict[str, set[str]] = {}  # versions may share a queue
    for version in route.versions:
        if version.queue is not None:
            targets.setdefault(arn(version.queue, place), set()).update(_send_to(version))
    for resource, needed in targets.items():
        yield allow(sorted(needed), resource)


def _send_to(version: Version) -> Iterator[str]:
    yield "sqs:SendMessage"
    if version.queue is not None and version.queue.url is None:
        yield "sqs:GetQueueUrl"
    if version.max_depth is not None:
        yield "sqs:GetQueueAttributes"


def _region(queue: QueueAddress, place: Place) -> str:
    return queue.region or place.region or OPEN


def _account(queue: QueueAddress, place: Place) -> str:
    """Return the account; an emulator's URL may have any word where AWS has the account."""
    given = queue.account if ACCOUNT.match(queue.account or "") else None
    return given or place.account or OPEN


def _partition(queue: QueueAddress, region: str) -> str:
    if arn_of_queue := _ARN_PARTITION.match(queue.text):
        return arn_of_queue[1]
    return partition_of(region).name


def _notes(routes: Iterable[Route], place: Place) -> Iterator[str]:
    for route in routes:
        for note in (*_open_queues(route, place), *kafka_notes(route, place)):
            yield f"route {route.name}: {note}"


def _open_queues(route: Route, place: Place) -> Iterator[str]:
    targets = (version.queue for version in route.versions)
    found = (route.queue, route.dead_letter, *targets)
    for queue in dict.fromkeys(each for each in found if isinstance(each, QueueAddress)):
        what = f"queue {queue.name}"
        if said := left_open(what, _account(queue, place), _region(queue, place)):
            yield said


def _check(place: Place) -> None:
    from gateway.config.problems.problem import ProblemsFound

    problems = []
    if place.account is not None and not ACCOUNT.match(place.account):
        problems.append(_flag("--account", "is no AWS account", "12 digits"))
    if place.region is not None and not REGION.match(place.region):
        problems.append(_flag("--region", "is no AWS region", "as in eu-west-1"))
    if problems:
        raise ProblemsFound(problems)


def _flag(flag: str, what: str, hint: str) -> Problem:
    from gateway.config.problems.problem import Problem

    return Problem("command line", None, flag, what, hint)
