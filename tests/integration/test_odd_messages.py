"""Hostile and odd messages arrive whole and inject nothing (docs/reference/delivery.md)."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.queues import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.integration.conftest import NewService
    from tests.integration.exchanges import Request
    from tests.integration.queues import Queue, Sent, Sqs
    from tests.integration.services import Service

MIB = 1024 * 1024
ATTRIBUTE = "x-aws-sqsd-attr-"
INJECTION = "x\r\nx-gateway-version: canary\r\n\r\nGET /admin HTTP/1.1\r\nhost: b"
ALWAYS = {
    "host", "user-agent", "content-length", "content-type", "version", "baggage",
    "x-gateway-route", "x-gateway-version", "x-gateway-reason",
    "x-aws-sqsd-queue", "x-aws-sqsd-msgid", "x-aws-sqsd-sender-id",
    "x-aws-sqsd-first-received-at", "x-aws-sqsd-receive-count",
}  # fmt: skip
"""The headers of a message without attributes on a standard queue."""


class Stage:
    """One route, its services, and its queue."""

    def __init__(self, queue: Queue, stable: Service, canary: Service) -> None:
        self._queue, self._services = queue, (stable, canary)

    def bring(self, body: str = "{}", **more: Any) -> Request:
        """Send one message and return its one delivery."""
        sent = self._queue.send(body, **more)
        self._queue.wait_until_empty()
        return self._delivery(sent)

    def bring_all(self, drafts: Sequence[Draft]) -> list[Request]:
        """Send messages, wait for their end, and return the one delivery of each."""
        sent = self._queue.send_all(drafts)
        self._queue.wait_until_empty()
        return [self._delivery(each) for each in sent]

    def _delivery(self, sent: Sent) -> Request:
        seen = [request for service in self._services for request in service.seen()]
        (request,) = [each for each in seen if each.get("x-aws-sqsd-msgid") == sent.message_id]
        assert request.line == "POST /events HTTP/1.1"
        assert request.body == sent.draft.body.encode()
        return request


@pytest.fixture(scope="module")
def stage(
    moto: Sqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    stable, canary = new_service("stable"), new_service("canary")
    queue = moto.create("odd")
    versions = two_versions(stable.url, canary.url, headers={"x-team": "shop"})
    route = {"name": "odd", "queue": "odd", "wait": "1s", **versions}
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, {"routes": [route]}, moto.endpoint):
        yield Stage(queue, stable, canary)


def _names(request: Request) -> set[str]:
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names)), names
    return set(names) - {"x-team"}


def test_a_message_without_attributes_has_the_headers_of_the_contract_and_no_others(
    stage: Stage,
) -> None:
    request = stage.bring("{}")
    assert _names(request) == ALWAYS
    assert request["x-team"] == "shop"
    assert request["baggage"] == "version=v1"
    assert request["x-aws-sqsd-receive-count"] == "1"
    assert request["x-aws-sqsd-first-received-at"][10] == "T"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"a": 1}', "application/json"),
        ("3", "application/json"),
        ("no JSON", "text/plain; charset=utf-8"),
        ("NaN", "text/plain; charset=utf-8"),
        ("[" * 100_000, "text/plain; charset=utf-8"),
        ('{"half": ', "text/plain; charset=utf-8"),
        ("\t\n \r", "text/plain; charset=utf-8"),
        ("\ufffd \U0001f4a9 \ud7ff é\n", "text/plain; charset=utf-8"),
    ],
    ids=["object", "number", "text", "NaN", "deep", "half", "blank", "unicode"],
)
def test_the_content_type_follows_from_the_body(stage: Stage, body: str, expected: str) -> None:
    """The body itself arrives as it was sent, byte for byte."""
    assert stage.bring(body)["content-type"] == expected


def test_a_body_of_one_mebibyte_arrives_whole(stage: Stage) -> None:
    """More bytes than characters: two to each."""
    request = stage.bring("é" * (MIB // 2))
    assert len(request.body) == MIB


def test_a_deeply_nested_body_that_is_json_is_told_as_json(stage: Stage) -> None:
    """A thousand levels are the limit, and a thousand are in."""
    assert stage.bring("[" * 1_000 + "]" * 1_000)["content-type"] == "application/json"


def test_attributes_become_headers_and_binary_ones_base64(stage: Stage) -> None:
    raw = bytes(range(256))
    request = stage.bring(attributes={"tenant": "acme", "weight": -7, "raw": raw, "a_b.c-d": "x"})
    assert request[f"{ATTRIBUTE}tenant"] == "acme"
    assert request[f"{ATTRIBUTE}weight"] == "-7"
    assert request[f"{ATTRIBUTE}raw"] == b64encode(raw).decode()
    assert request[f"{ATTRIBUTE}a_b.c-d"] == "x"
    assert request["x-aws-sqsd-binary"] == "raw"


def test_ten_attributes_all_arrive(stage: Stage) -> None:
    attributes = {f"name-{n}": f"value {n}" for n in range(10)}
    request = stage.bring(attributes=attributes)
    assert _names(request) == ALWAYS | {f"{ATTRIBUTE}{name}" for name in attributes}


VALUES = [
    INJECTION,
    "line\nbreak",
    "line\rbreak",
    "ünïcödé",
    "\U0001f4a9",
    " space at both ends ",
    "100 % ",
    "tab\tinside\t",
    "del\x7f",
    "\u2028",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_no_header_can_have_is_percent_encoded(stage: Stage, value: str) -> None:
    """Decoding gives the value back, and `x-aws-sqsd-encoded` tells that it has to be decoded."""
    request = stage.bring(attributes={"odd": value, "plain": "a % b\tc"})
    sent = request[f"{ATTRIBUTE}odd"]
    assert sent != value
    assert unquote(sent) == value
    assert sent.isascii()
    assert sent.replace("\t", "").isprintable()
    assert request["x-aws-sqsd-encoded"] == f"{ATTRIBUTE}odd"
    assert request[f"{ATTRIBUTE}plain"] == "a % b\tc"


HOSTILE_NAMES = (
    "Host", "Content-Length", "Transfer-Encoding", "Connection", "x-gateway-route",
    "x-gateway-version", "x-aws-sqsd-msgid", "Authorization", "x-team",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_an_attribute_cannot_pose_as_another_header(stage: Stage, name: str) -> None:
    """It has the prefix before its name like all others, and what it imitates is unchanged."""
    request = stage.bring("{}", attributes={name: "evil"})
    assert _names(request) == ALWAYS | {f"{ATTRIBUTE}{name}".lower()}
    assert request[f"{ATTRIBUTE}{name}"] == "evil"
    assert request["x-gateway-route"] == "odd"
    assert request["x-team"] == "shop"


CARRIED = ("content-type", "traceparent", "tracestate", "baggage", "version")


@pytest.mark.parametrize("name", CARRIED)
def test_a_header_that_a_message_may_set_cannot_break_out_of_its_line(
    stage: Stage, name: str
) -> None:
    request = stage.bring(attributes={name: INJECTION})
    assert _names(request) - {"x-aws-sqsd-encoded", name} <= ALWAYS | {f"{ATTRIBUTE}{name}"}
    assert request["x-gateway-version"] == "stable"
    assert (request["version"], request["x-gateway-reason"]) == ("v1", "default")


def test_trace_context_is_passed_on_and_the_version_in_baggage_is_ours(stage: Stage) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    attributes = {
        "traceparent": trace,
        "tracestate": "a=1",
        "Baggage": "user=7, Version=v9;ttl=1 ,team=x",
        "Content-Type": "application/cloudevents+json",
    }
    request = stage.bring(attributes=attributes)
    assert (request["traceparent"], request["tracestate"]) == (trace, "a=1")
    assert request["content-type"] == "application/cloudevents+json"
    assert request["baggage"].replace(" ", "") == "user=7,team=x,version=v1"


def test_attributes_beyond_eight_kibibytes_are_left_out_and_named(stage: Stage) -> None:
    """The small one after the big ones still fits."""
    attributes = {"a": "x" * 5_000, "b": "y" * 5_000, "c": "z" * 200_000, "d": "small"}
    request = stage.bring(attributes=attributes)
    assert request[f"{ATTRIBUTE}a"] == "x" * 5_000
    assert request[f"{ATTRIBUTE}d"] == "small"
    omitted = request["x-gateway-omitted"].split(", ")
    assert [name.removeprefix(ATTRIBUTE) for name in omitted] == ["b", "c"]


def test_a_huge_baggage_leaves_our_own_member(stage: Stage) -> None:
    request = stage.bring(attributes={"baggage": "a=" + "x" * 9_000})
    assert request["baggage"] == "version=v1"
    assert "baggage" in request["x-gateway-omitted"]


def test_the_trace_header_of_aws_is_passed_on(stage: Stage) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    assert stage.bring(trace=trace)["x-amzn-trace-id"] == trace


def test_a_hundred_odd_messages_at_once_all_arrive(stage: Stage) -> None:
    """All shapes in one go, over shared connections: no one's bytes become another's."""
    drafts = [
        Draft(json.dumps({"n": n}), {"odd": VALUES[n % len(VALUES)], "raw": bytes([n])})
        for n in range(100)
    ]
    for draft, request in zip(drafts, stage.bring_all(drafts), strict=True):
        assert unquote(request[f"{ATTRIBUTE}odd"]) == draft.attributes["odd"]
