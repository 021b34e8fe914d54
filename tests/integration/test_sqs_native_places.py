"""Where the native client calls, whom it trusts there, and when it steps aside for the SDK."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from botocore.exceptions import ConnectTimeoutError
from structlog.testing import capture_logs

from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.endpoint import CONNECT_SECONDS, Endpoint
from gateway.adapters.sqs.endpoint_choice import needs_sdk
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.core.addresses import parse_queue
from gateway.ports import SourceError
from tests.fakes import VIRTUAL_TIME
from tests.integration.sqs_script import response, scripted
from tests.unit.adapters.http1.fake_transport import FakeTransport
from tests.unit.adapters.sqs.fixed_credentials import FixedCredentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.sqs_script import Script

AUTHORITY = trustme.CA()
SUCCESS = response({"Successful": [{"Id": "0"}]})
URL = "http://sqs.test/123456789012/orders"


@pytest.fixture(autouse=True)
def _region_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def clients() -> AsyncIterator[SqsClients]:
    async with SqsClients() as clients:
        yield clients


PLACES: dict[str, tuple[str, dict[str, str], str, str]] = {
    "region": ("orders", {}, "https://sqs.eu-west-1.amazonaws.com", "eu-west-1"),
    "fips": (
        "orders", {"AWS_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"},
        "https://sqs-fips.us-east-1.amazonaws.com", "us-east-1",
    ),
    "dual-stack": (
        "orders", {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        "https://sqs.eu-west-1.api.aws", "eu-west-1",
    ),
    "China, by ARN": (
        "arn:aws-cn:sqs:cn-north-1:123456789012:orders", {},
        "https://sqs.cn-north-1.amazonaws.com.cn", "cn-north-1",
    ),
    "of the queue": (
        "https://vpce-1.sqs.us-west-2.vpce.amazonaws.com/123456789012/orders", {},
        "https://vpce-1.sqs.us-west-2.vpce.amazonaws.com", "us-west-2",
    ),
    "of the environment": (
        "https://sqs.us-west-2.amazonaws.com/123456789012/orders",
        {"AWS_ENDPOINT_URL_SQS": "http://localhost:4566"},
        "http://localhost:4566", "us-west-2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PLACES)
async def test_it_calls_where_the_sdk_calls(
    what: str, clients: SqsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK is stopped just before it would open a connection, and asked where to."""
    queue, environment, url, region = PLACES[what]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    address = parse_queue(queue)
    client = await clients.client(address, receiving=False)
    called: list[Any] = []

    def stop(request: Any, **_: object) -> None:
        called.append(request)
        raise ConnectionAbortedError

    client.meta.events.register("before-send.sqs", stop)
    with pytest.raises(ConnectionAbortedError):
        await client.delete_message_batch(QueueUrl="https://x.test/1/orders", Entries=[])
    endpoint = await clients.endpoint(address)
    assert endpoint is not None
    assert called[0].url.rstrip("/") == endpoint.url.rstrip("/") == url
    assert f"/{region}/sqs/" in str(called[0].headers["Authorization"])
    assert endpoint._requests._region == region


@pytest.mark.parametrize(
    ("environment", "url", "why"),
    [
        ({"HTTP_PROXY": "http://127.0.0.1:9"}, "http://sqs.test", "proxy"),
        ({"http_proxy": "127.0.0.1:9", "NO_PROXY": "x.test"}, "http://sqs.test", "proxy"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "https://sqs.test/", "proxy"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "http://sqs.test", ""),
        ({"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "sqs.test"}, "http://sqs.test", ""),
        ({}, "http://sqs.test/path", "path"),
        ({}, "http://sqs.test/?a=b", "query"),
        ({}, "https://sqs.test/", ""),
    ],
)
def test_a_proxy_and_a_path_need_the_sdk(
    environment: dict[str, str], url: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    reason = needs_sdk(url)
    assert bool(reason) == bool(why)
    assert why in reason


async def test_that_the_sdk_is_needed_is_said_once(
    clients: SqsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with capture_logs() as logs:
        endpoints = [await clients.endpoint(parse_queue(f"{URL}-{n}")) for n in range(3)]
    assert endpoints == [None] * 3
    (said,) = [line for line in logs if line["event"] == "SQS is called by way of aiobotocore"]
    assert said["log_level"] == "info"
    assert "proxy" in said["why"]


async def test_what_is_left_to_the_sdk_works(
    clients: SqsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script plays the proxy: it takes every address for its own."""
    async with scripted() as script:
        monkeypatch.setenv("HTTP_PROXY", script.url)
        queue = NativeSqsSource(clients, parse_queue(URL))
        await queue.open()
        script.reply = lambda asked: response({}) if asked.target == "ReceiveMessage" else SUCCESS
        assert await queue.receive(10, 0, 30) == []
        assert await queue.ack(["r-0"]) == {}
        assert await queue.set_leases([("r-0", 1)]) == {}
    assert {asked.headers["host"] for asked in script.asked} == {"sqs.test"}
    assert all("botocore" in asked.headers["user-agent"] for asked in script.asked)


async def over_tls(clients: SqsClients, script: Script) -> NativeSqsSource:
    queue = NativeSqsSource(clients, parse_queue(f"{script.url}/123456789012/orders"))
    await queue.open()
    return queue


@pytest.fixture
async def tls_script() -> AsyncIterator[Script]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    async with scripted(context) as script:
        script.reply = lambda _: SUCCESS
        yield script


@pytest.mark.parametrize("by", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "ca_bundle"])
async def test_an_authority_of_one_s_own_is_trusted_as_the_sdk_is_told_to(
    by: str,
    clients: SqsClients,
    tls_script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(bundle))
    if by == "ca_bundle":
        config = tmp_path / "config"
        config.write_text(f"[default]\nca_bundle = {bundle}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    else:
        monkeypatch.setenv(by, str(bundle))
    queue = await over_tls(clients, tls_script)
    for _ in range(3):
        assert await queue.ack(["r-0"]) == {}
    batches = tls_script.calls("DeleteMessageBatch")
    assert [each.nth for each in batches] == [1, 2, 3]
    assert {each.connection for each in batches} == {2}  # 1 was the SDK's


async def test_an_unknown_authority_is_reported(clients: SqsClients) -> None:
    """The native client's own error, for which the SDK's first call is left out."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    async with scripted(context) as script:
        queue = NativeSqsSource(clients, parse_queue(f"{script.url}/123456789012/orders"))
        queue._endpoint = await clients.endpoint(queue._address)
        with pytest.raises(SourceError, match="certificate verify failed") as refused:
            await queue.ack(["r-0"])
        assert refused.value.code == "SSLError"
        assert script.asked == []


# ---- addresses ----------------------------------------------------------------------------


class Address:
    """Opens to one address of a host; the others swallow packets or refuse."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = addresses
        self.tried: list[str] = []
        self.opened_to = asyncio.Event()

    async def found(self, *_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, 443)) for address in self.addresses.values()]

    async def opened(self, make: Any, address: str, *_: Any, **__: Any) -> Any:
        self.tried.append(address)
        (kind,) = [kind for kind, each in self.addresses.items() if each == address]
        if kind.startswith("silent"):
            await asyncio.Event().wait()
        if kind.startswith("closed"):
            raise ConnectionRefusedError
        connection = make()
        self.opened_to.set()
        return FakeTransport(connection), connection


def endpoint_at(address: Address, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", address.found)
    monkeypatch.setattr(loop, "create_connection", address.opened)
    return Endpoint("http://sqs.test", "eu-west-1", FixedCredentials(), None)


@VIRTUAL_TIME
@pytest.mark.parametrize("first", ["silent", "closed"])
async def test_one_address_of_a_host_that_takes_no_connection_leaves_time_for_the_next(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Address(**{first: "10.0.0.1", "good": "10.0.0.2"})
    endpoint = endpoint_at(address, monkeypatch)
    call = asyncio.create_task(endpoint.call("AmazonSQS.Delete", b"{}", 10))
    await address.opened_to.wait()
    assert address.tried == ["10.0.0.1", "10.0.0.2"]
    assert asyncio.get_running_loop().time() < CONNECT_SECONDS
    call.cancel()
    await asyncio.wait([call])


@VIRTUAL_TIME
async def test_a_host_that_swallows_packets_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = Address(silent="10.0.0.1", silent_too="10.0.0.2")
    endpoint = endpoint_at(address, monkeypatch)
    with pytest.raises(ConnectTimeoutError, match="Connect timeout on endpoint URL"):
        await endpoint.call("AmazonSQS.Delete", b"{}", 10)
    assert asyncio.get_running_loop().time() == pytest.approx(CONNECT_SECONDS)
