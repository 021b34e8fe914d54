"""parse_queue: names, URLs of every kind of endpoint, ARNs."""

from __future__ import annotations

import pytest

from gateway.core.addresses import QueueAddress, is_aws_host, parse_queue, partition_of
from tests.docs.aws_partitions import botocore_partitions

ACCOUNT = "123456789012"


@pytest.mark.parametrize("name", ["orders", "Orders_2-x", "a", "o" * 80, "o" * 75 + ".fifo"])
def test_a_name_says_nothing_but_itself(name: str) -> None:
    assert parse_queue(name) == QueueAddress(name, name)
    assert parse_queue(name, "eu-west-1") == QueueAddress(name, name, region="eu-west-1")


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "o" * 81, "o" * 76 + ".fifo", ".fifo", "orders.fifo.fifo", "orders.", "a.b",
        "orders\n", " orders", "my orders", "\u00f6rders", "orders/x", "123456789012/orders",
        "arn:aws:sqs:eu-west-1:123456789012:", "arn:aws:sqs:eu-west-1:12345:orders",
        "arn:aws:sqs:eu-west-1:123456789012:orders:x", "arn:aws:sns:eu-west-1:123456789012:orders",
        "arn:aws:sqs::123456789012:orders", "arn:aws:sqs:eu-west-1:123456789012:orders\n",
        "arn:gcp:sqs:eu-west-1:123456789012:orders",
        "https://sqs.eu-west-1.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com/orders",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/", "sqs.eu-west-1.amazonaws.com/1/orders",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/orders/",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/orders?x=1",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/orders#x",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/a.b",
        "https://user:secret@sqs.eu-west-1.amazonaws.com/123456789012/orders",
        "ftp://sqs.eu-west-1.amazonaws.com/123456789012/orders",
        "https:///123456789012/orders", "http://localhost:port/000000000000/orders",
        "http://localhost:4566/000000000000/orders\n", "http://localhost:4566/a/b/c/orders",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a queue name .*, URL or ARN$"):
        parse_queue(text)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eu-west-1.amazonaws.com", "eu-west-1"),
        ("sqs.ap-southeast-5.amazonaws.com", "ap-southeast-5"),
        ("sqs.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("eu-west-1.queue.amazonaws.com", "eu-west-1"),
        ("cn-northwest-1.queue.amazonaws.com.cn", "cn-northwest-1"),
        ("queue.amazonaws.com", "us-east-1"),
    ],
)
def test_a_url_of_aws_says_region_and_account(host: str, region: str) -> None:
    """The endpoint is the SDK's to know, also where the URL has the old form of it."""
    url = f"https://{host}/{ACCOUNT}/orders"
    assert parse_queue(url) == QueueAddress(url, "orders", url, region, ACCOUNT, None)
    assert parse_queue(url, region).region == region


CHOSEN_ENDPOINTS = [
    ("sqs-fips.us-east-1.amazonaws.com", "us-east-1"),
    ("sqs-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1"),
    ("sqs.us-east-1.api.aws", "us-east-1"),
    ("sqs-fips.us-west-2.api.aws", "us-west-2"),
    ("vpce-0a1b2c3d-x1y2z3.sqs.us-east-1.vpce.amazonaws.com", "us-east-1"),
    ("vpce-0a1b2c3d-x1y2z3-us-east-1a.sqs.us-east-1.vpce.amazonaws.com", "us-east-1"),
    ("vpce-0a1b2c3d-x1y2z3.sqs.cn-north-1.vpce.amazonaws.com.cn", "cn-north-1"),
]


@pytest.mark.parametrize(("host", "region"), CHOSEN_ENDPOINTS)
def test_a_url_of_a_special_endpoint_says_region_and_account_too(host: str, region: str) -> None:
    """FIPS, dual-stack, interface endpoints of a VPC."""
    address = parse_queue(f"https://{host}/{ACCOUNT}/orders")
    assert (address.name, address.region, address.account) == ("orders", region, ACCOUNT)


@pytest.mark.parametrize(("host", "_region"), CHOSEN_ENDPOINTS)
def test_a_special_endpoint_that_was_chosen_is_the_one_to_call(host: str, _region: str) -> None:
    """Nobody writes such a host by chance: a VPC may have no other way out, FIPS may be law."""
    assert parse_queue(f"https://{host}/{ACCOUNT}/orders").endpoint == f"https://{host}"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("sqs.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"),
    ],
)
def test_a_url_of_a_younger_partition_says_its_region(host: str, region: str) -> None:
    """Sources: botocore's partitions.json, `dnsSuffix` and `dualStackDnsSuffix`."""
    assert parse_queue(f"https://{host}/{ACCOUNT}/orders").region == region


PARTITIONS = [
    pytest.param(each["id"], region, each["outputs"], id=region)
    for each in botocore_partitions()
    for region in each["regions"]
    if not region.endswith("-global")
]
"""Every region of every partition, by botocore: cn, eusc, gov, iso, isob, isoe, isof among them."""


@pytest.mark.parametrize(("partition", "region", "outputs"), PARTITIONS)
def test_partition_and_suffixes_of_every_region_are_botocore_s(
    partition: str, region: str, outputs: dict[str, str]
) -> None:
    assert partition_of(region).name == partition
    usual = parse_queue(f"https://sqs.{region}.{outputs['dnsSuffix']}/{ACCOUNT}/orders")
    assert (usual.region, usual.endpoint) == (region, None)
    for host in (
        f"sqs.{region}.{outputs['dualStackDnsSuffix']}",
        f"sqs-fips.{region}.{outputs['dnsSuffix']}",
        f"vpce-0a-1b.sqs.{region}.vpce.{outputs['dnsSuffix']}",
    ):
        chosen = parse_queue(f"https://{host}/{ACCOUNT}/orders")
        assert (chosen.region, chosen.endpoint) == (region, f"https://{host}")
        assert is_aws_host(host)
    emulated = parse_queue(f"http://localhost:4566/{region}/{ACCOUNT}/orders")
    assert (emulated.region, emulated.account) == (region, ACCOUNT)


def test_a_region_that_is_not_known_is_of_the_first_partition() -> None:
    assert partition_of("xx-new-1").name == partition_of("*").name == "aws"


@pytest.mark.parametrize(
    ("origin", "path", "region", "account"),
    [
        (
            "http://sqs.us-east-1.localhost.localstack.cloud:4566",
            "/000000000000/orders",
            None,
            "000000000000",
        ),
        ("http://127.0.0.1:4566", "/000000000000/orders", None, "000000000000"),
        ("http://localhost", "/000000000000/orders", None, "000000000000"),
        ("http://[::1]:4566", "/000000000000/orders", None, "000000000000"),
        ("http://localhost:9324", "/000000000000/orders", None, "000000000000"),
        ("https://sqs.internal.shop", "/000000000000/orders", None, "000000000000"),
        ("http://localhost:4566", "/queue/eu-west-1/000000000000/orders", "eu-west-1", "0" * 12),
        ("http://localhost:4566", "/us-gov-west-1/000000000000/orders", "us-gov-west-1", "0" * 12),
    ],
)
def test_any_other_url_says_where_the_endpoint_is(
    origin: str, path: str, region: str | None, account: str
) -> None:
    """An emulator or a proxy; only the path can say the region."""
    url = origin + path
    assert parse_queue(url) == QueueAddress(url, "orders", url, region, account, origin)


def test_a_region_beside_an_endpoint_of_its_own_counts() -> None:
    address = parse_queue("http://127.0.0.1:4566/000000000000/orders", "eu-west-1")
    assert (address.region, address.endpoint) == ("eu-west-1", "http://127.0.0.1:4566")


@pytest.mark.parametrize(
    "host",
    [
        "sqs.eu-west-1.amazonaws.com.evil.test",
        "evil-sqs.eu-west-1.amazonaws.com",
        "sqs.amazonaws.com.test",
        "a.b.sqs.eu-west-1.amazonaws.com",
    ],
)
def test_a_host_that_only_looks_like_aws_is_an_endpoint_of_its_own(host: str) -> None:
    address = parse_queue(f"https://{host}/{ACCOUNT}/orders")
    assert (address.region, address.endpoint) == (None, f"https://{host}")


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b"])
def test_an_arn_says_region_and_account(partition: str) -> None:
    arn = f"arn:{partition}:sqs:eu-west-1:{ACCOUNT}:orders.fifo"
    assert parse_queue(arn) == QueueAddress(arn, "orders.fifo", region="eu-west-1", account=ACCOUNT)
    assert parse_queue(arn, "eu-west-1").region == "eu-west-1"


@pytest.mark.parametrize(
    "text",
    [
        f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders",
        f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/orders",
        f"https://eu-west-1.queue.amazonaws.com/{ACCOUNT}/orders",
        f"http://localhost:4566/queue/eu-west-1/{ACCOUNT}/orders",
    ],
)
def test_two_regions_contradict_each_other(text: str) -> None:
    with pytest.raises(ValueError, match=r"^says region eu-west-1, but region: says us-east-1$"):
        parse_queue(text, "us-east-1")


@pytest.mark.parametrize(
    ("text", "fifo"),
    [
        ("orders", False),
        ("orders.fifo", True),
        ("ordersfifo", False),
        (f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders.fifo", True),
        (f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/orders.fifo", True),
        (f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/orders", False),
    ],
)
def test_a_fifo_queue_is_known_by_its_suffix(text: str, *, fifo: bool) -> None:
    assert parse_queue(text).fifo is fifo
