"""What routes with `auth: msk-iam` need to be allowed on the cluster, its topics and the group.

Source: https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
(writing idempotently is an action on the cluster; the name of a topic or of a group stands after
the cluster's name and its UUID)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.cli.iam_place import OPEN, allow, left_open
from gateway.core.addresses import partition_of
from gateway.core.kafka.msk import region_in
from gateway.core.kafka.plan import Auth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.cli.iam_place import Place
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.routing.route import Route

CONNECT: Final = "kafka-cluster:Connect"
IDEMPOTENT: Final = "kafka-cluster:WriteDataIdempotently"
GROUP: Final = ("kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup")
DESCRIBE: Final = "kafka-cluster:DescribeTopic"
READ: Final = "kafka-cluster:ReadData"
WRITE: Final = "kafka-cluster:WriteData"


def kafka_statements(route: Route, place: Place) -> Iterator[dict[str, Any]]:
    """Yield the statements of a route with `auth: msk-iam`; none of another one."""
    plan = route.kafka
    if plan is None or plan.auth is not Auth.MSK_IAM:
        return
    topics = _topics(route, plan)
    writes = any(WRITE in actions for actions in topics.values())
    yield allow([CONNECT, *([IDEMPOTENT] if writes else [])], _arn(plan, place, "cluster"))
    yield allow(list(GROUP), _arn(plan, place, "group", plan.group))
    for topic, actions in topics.items():
        yield allow([DESCRIBE, *sorted(actions)], _arn(plan, place, "topic", topic))


def kafka_notes(route: Route, place: Place) -> Iterator[str]:
    """Yield what a person should know of a route's policy: what is open in it, or left out."""
    plan = route.kafka
    if plan is None:
        return
    if plan.auth is not Auth.MSK_IAM:
        what = f"topic {plan.topic.name} is not read with `auth: msk-iam`"
        yield f"{what}: no statement, its rights are the cluster's own (ACLs)"
        return
    yield (
        f"the cluster of topic {plan.topic.name} is open, since the routing file does not name it: "
        "narrow */* in the ARNs to CLUSTER/UUID"
    )
    if said := left_open("that cluster", place.account or OPEN, _region(plan, place)):
        yield said


def _topics(route: Route, plan: KafkaPlan) -> dict[str, set[str]]:
    """Return what each topic needs: the source first, then those that are written to."""
    topics = {plan.topic.name: {READ}}
    if plan.parking is not None:
        topics.setdefault(plan.parking.name, set()).update((READ, WRITE))
    targets = (version.topic for version in route.versions)
    for target in (plan.reject, *targets):
        if target is not None:
            topics.setdefault(target.name, set()).add(WRITE)
    return topics


def _arn(plan: KafkaPlan, place: Place, kind: str, name: str = "") -> str:
    region = _region(plan, place)
    where = f"{region}:{place.account or OPEN}:{kind}/{OPEN}/{OPEN}"
    return f"arn:{partition_of(region).name}:kafka:{where}{f'/{name}' if name else ''}"


def _region(plan: KafkaPlan, place: Place) -> str:
    return region_in(plan.brokers) or place.region or OPEN
