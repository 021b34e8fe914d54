"""Policies of the routes of a file: ARNs from whatever the file calls a queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.iam import arn, policy
from gateway.cli.iam_place import Place
from gateway.cli.main import main
from gateway.config import loader
from gateway.core.addresses import parse_queue
from tests.docs.aws_partitions import botocore_partitions

if TYPE_CHECKING:
    from pathlib import Path

HERE = Place("210987654321", "eu-west-1")
NOWHERE = Place()


def _routes(queue: str, reject: str = "redrive", region: str = "") -> str:
    stated = f"region: {region}" if region else ""
    return f"""\
routes:
  - name: orders
    queue: {queue}
    {stated}
    versions: {{stable: "http://b.shop/"}}
    reject: {reject}
"""


def _resources(text: str, place: Place) -> list[str]:
    table = loader.load(text.encode(), "routes.yaml")
    return [one["Resource"] for one in policy(table.routes, place)["Statement"]]


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ("orders", "arn:aws:sqs:eu-west-1:210987654321:orders"),
        ("orders.fifo", "arn:aws:sqs:eu-west-1:210987654321:orders.fifo"),
        ("arn:aws:sqs:us-east-2:123456789012:orders", "arn:aws:sqs:us-east-2:123456789012:orders"),
        (
            "https://sqs.us-east-2.amazonaws.com/123456789012/orders",
            "arn:aws:sqs:us-east-2:123456789012:orders",
        ),
        (
            "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders",
            "arn:aws-cn:sqs:cn-north-1:123456789012:orders",
        ),
        (
            "https://sqs.us-gov-west-1.amazonaws.com/123456789012/orders",
            "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:orders",
        ),
        (
            "arn:aws-iso:sqs:us-iso-east-1:123456789012:orders",
            "arn:aws-iso:sqs:us-iso-east-1:123456789012:orders",
        ),
        (
            "https://vpce-0a-1b.sqs.eu-west-2.vpce.amazonaws.com/123456789012/orders",
            "arn:aws:sqs:eu-west-2:123456789012:orders",
        ),
        ("http://localhost:4566/queue/orders", "arn:aws:sqs:eu-west-1:210987654321:orders"),
    ],
)
def test_every_way_to_call_a_queue_gives_its_arn(queue: str, expected: str) -> None:
    """What the file says wins over what the command line says."""
    assert arn(parse_queue(queue), HERE) == expected


@pytest.mark.parametrize("partition", botocore_partitions(), ids=lambda each: str(each["id"]))
def test_the_arn_of_a_url_or_a_region_has_botocore_s_partition(partition: dict[str, Any]) -> None:
    suffix = partition["outputs"]["dnsSuffix"]
    for region in partition["regions"]:
        if region.endswith("-global"):
            continue
        expected = f"arn:{partition['id']}:sqs:{region}:123456789012:orders"
        url = f"https://sqs.{region}.{suffix}/123456789012/orders"
        assert arn(parse_queue(url), NOWHERE) == expected
        assert arn(parse_queue("orders"), Place("123456789012", region)) == expected


def test_what_nobody_says_is_left_open() -> None:
    assert arn(parse_queue("orders"), NOWHERE) == "arn:aws:sqs:*:*:orders"
    assert arn(parse_queue("orders", "cn-north-1"), NOWHERE) == "arn:aws-cn:sqs:cn-north-1:*:orders"


def test_a_dead_letter_queue_that_is_named_only_is_in_the_queue_s_region() -> None:
    text = _routes("orders", "orders-dead", "eu-central-1")
    assert _resources(text, HERE) == [
        "arn:aws:sqs:eu-central-1:210987654321:orders",
        "arn:aws:sqs:eu-central-1:210987654321:orders-dead",
    ]


def test_without_a_dead_letter_queue_nothing_may_be_sent() -> None:
    table = loader.load(_routes("orders").encode(), "routes.yaml")
    (only,) = policy(table.routes, HERE)["Statement"]
    assert "sqs:SendMessage" not in only["Action"]


def _with_versions(versions: dict[str, Any], queue: str = "orders") -> str:
    return json.dumps({"routes": [{"name": "orders", "queue": queue, "versions": versions}]})


def test_a_version_that_is_a_queue_needs_what_sending_to_it_takes() -> None:
    """GetQueueUrl where a URL has to be found, GetQueueAttributes to know the depth."""
    named, by_arn = {"queue": "b"}, {"queue": "arn:aws-cn:sqs:cn-north-1:123456789012:b1"}
    by_url = {"queue": "https://sqs.us-east-1.amazonaws.com/123456789012/b2", "max_depth": 9}
    posted = "http://b3/"
    text = _with_versions({"a": named, "b": by_arn, "c": by_url, "d": posted})
    table = loader.load(text.encode(), "routes.yaml")
    found = {one["Resource"]: one["Action"] for one in policy(table.routes, HERE)["Statement"][1:]}
    assert found == {
        "arn:aws:sqs:eu-west-1:210987654321:b": ["sqs:GetQueueUrl", "sqs:SendMessage"],
        "arn:aws-cn:sqs:cn-north-1:123456789012:b1": ["sqs:GetQueueUrl", "sqs:SendMessage"],
        "arn:aws:sqs:us-east-1:123456789012:b2": ["sqs:GetQueueAttributes", "sqs:SendMessage"],
    }


def test_versions_that_share_a_queue_share_a_statement() -> None:
    versions = {"a": {"queue": "b"}, "b": {"queue": "b", "max_depth": 9}}
    table = loader.load(_with_versions(versions).encode(), "routes.yaml")
    (_, shared) = policy(table.routes, HERE)["Statement"]
    assert shared["Action"] == ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]


def test_a_named_version_is_in_the_region_of_the_route_s_queue() -> None:
    text = _with_versions({"stable": {"queue": "b"}}, "arn:aws:sqs:us-east-2:123456789012:orders")
    assert _resources(text, HERE)[1] == "arn:aws:sqs:us-east-2:210987654321:b"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "routes.yaml"
    path.write_text(_routes("orders", "orders-dead"))
    return path


def test_the_command_says_what_is_open_and_how_to_close_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, so that stdout is JSON and nothing else."""
    assert main(["iam", "--config", str(file), "--region", "eu-west-1"]) == 0
    printed = capsys.readouterr()
    assert list(json.loads(printed.out)) == ["orders"]
    assert printed.err.splitlines() == [
        "route orders: the account of queue orders is open, so any will do (say --account)",
        "route orders: the account of queue orders-dead is open, so any will do (say --account)",
    ]


def test_the_command_is_silent_where_all_is_known(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--region", "eu-west-1", "--account", "210987654321"]
    assert main(["iam", "--config", str(file), *place]) == 0
    assert capsys.readouterr().err == ""


def test_the_command_refuses_a_place_that_is_none_and_an_unknown_route(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["iam", "--config", str(file), "--region", "Ireland", "--account", "12"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "command line: --account: is no AWS account (12 digits)" in printed.err
    assert "command line: --region: is no AWS region (as in eu-west-1)" in printed.err
    assert main(["iam", "--config", str(file), "--route", "order"]) == 2
    assert "did you mean orders?" in capsys.readouterr().err


def test_the_command_refuses_a_broken_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("routes: []")
    assert main(["iam", "--config", str(file)]) == 2
    assert "routes: is empty" in capsys.readouterr().err
