"""Policies of routes that read topics: those of MSK's IAM authentication, and none else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    Printed = tuple[Any, list[str]]

IN_CHINA: Final = "b-1.shop.abc123.c2.kafka.cn-north-1.amazonaws.com.cn:9098"
IN_IRELAND: Final = "boot-1.kafka-serverless.eu-west-1.amazonaws.com:9098"
HERE: Final = ("--account", "210987654321", "--region", "us-east-1")


def _route(name: str, broker: str, **more: Any) -> dict[str, Any]:
    kafka = {"brokers": [broker], "topic": name, "group": f"{name}-b", "start": "earliest"}
    kafka |= more.pop("kafka", {"auth": "msk-iam"})
    versions = {"stable": "http://b.shop/"}
    return {"name": name, "kafka": kafka, "versions": versions, "reject": "block", **more}


def _print(
    folder: Path, capsys: pytest.CaptureFixture[str], routes: list[Any], *arguments: str
) -> Printed:
    file = folder / "routes.yaml"
    file.write_text(json.dumps({"routes": routes}))
    assert main(["iam", "--config", str(file), *arguments]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out) if printed.out else None, printed.err.splitlines()


def _allowed(document: Any) -> dict[str, list[str]]:
    return {one["Resource"]: one["Action"] for one in document["Statement"]}


def test_a_route_that_writes_nothing_may_only_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _ = _print(tmp_path, capsys, [_route("orders", IN_IRELAND)], *HERE)
    start = "arn:aws:kafka:eu-west-1:210987654321"
    assert _allowed(found["orders"]) == {
        f"{start}:cluster/*/*": ["kafka-cluster:Connect"],
        f"{start}:group/*/*/orders-b": ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"],
        f"{start}:topic/*/*/orders": ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
    }


def test_what_is_produced_to_may_be_written_and_idempotently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The parking topic is read too."""
    versions = {"stable": {"topic": "b"}, "canary": {"topic": "b1"}}
    writes = {"versions": versions, "reject": "dead", "when_behind": "parked"}
    found, _ = _print(tmp_path, capsys, [_route("orders", IN_CHINA, **writes)], *HERE)
    allowed = _allowed(found["orders"])
    start, described = "arn:aws-cn:kafka:cn-north-1:210987654321", "kafka-cluster:DescribeTopic"
    read, write = "kafka-cluster:ReadData", "kafka-cluster:WriteData"
    assert "kafka-cluster:WriteDataIdempotently" in allowed[f"{start}:cluster/*/*"]
    topics = {at.rpartition("/")[2]: actions for at, actions in allowed.items() if ":topic/" in at}
    assert topics == {
        "orders": [described, read],
        "parked": [described, read, write],
        **{key: [described, write] for key in ("dead", "b", "b1")},
    }


def test_the_open_cluster_is_said_and_so_is_an_open_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, said = _print(tmp_path, capsys, [_route("orders", "10.0.0.7:9098")])
    assert "arn:aws:kafka:*:*:cluster/*/*" in _allowed(found["orders"])
    assert said == [
        (
            "route orders: the cluster of topic orders is open, since the routing file does not "
            "name it: narrow */* in the ARNs to CLUSTER/UUID"
        ),
        (
            "route orders: the account and region of that cluster are open, so any will do (say "
            "--account and --region)"
        ),
    ]


@pytest.mark.parametrize("flags", [(), ("--merged",), ("--route", "orders")])
def test_where_nothing_is_needed_no_policy_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    """IAM refuses a document without a statement."""
    routes = [_route("orders", "kafka:9092", kafka={})]
    found, said = _print(tmp_path, capsys, routes, *HERE, *flags)
    assert found is None
    assert said == [
        (
            "route orders: topic orders is not read with `auth: msk-iam`: no statement, its rights "
            "are the cluster's own (ACLs)"
        ),
        "no policy is needed, so none is printed",
    ]


def test_routes_of_queues_and_of_topics_share_a_merged_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = {"name": "bills", "queue": "bills", "versions": {"stable": "http://b/"}}
    routes = [queue, _route("orders", IN_IRELAND), _route("other", "kafka:9092", kafka={})]
    merged, _ = _print(tmp_path, capsys, routes, *HERE, "--merged")
    assert {at.split(":")[2] for at in _allowed(merged)} == {"sqs", "kafka"}
    by_route, _ = _print(tmp_path, capsys, routes, *HERE)
    assert list(by_route) == ["bills", "orders"]
