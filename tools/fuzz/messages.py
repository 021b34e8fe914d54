"""Any bytes as a received message: a decision that follows the rules, and a request that is ours.

An input that begins with `{` is a message as ReceiveMessage returns it: for a route that reads
bodies as they are, and for one that reads notifications of SNS. In any other the parts are divided
by \\x1e: which route, the system's words, the body, and three parts for each attribute.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any, Final

from httptools import HttpRequestParser

from gateway.adapters.http.native_target import USER_AGENT
from gateway.adapters.http.request import RequestHead
from gateway.cli.explain import as_json
from gateway.config import loader
from gateway.core.delivery.dead_letter import attribute_bytes, copy_attributes
from gateway.core.delivery.dialect import HeaderDialect
from gateway.core.delivery.headers import delivery_headers, plan_lines
from gateway.core.delivery.plan import DeliveryPlan
from gateway.core.delivery.unwrapped import MESSAGE_ID, SUBJECT, TOPIC, unwrapped_lines
from gateway.core.header_budget import SIDECAR_BYTES, room_for_message
from gateway.core.messages import baggage
from gateway.core.messages.envelopes import unwrapped
from gateway.core.messages.message import UNREAD, Message, message_from_receive
from gateway.core.routing.decider import decider_of
from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.jmespath_search import MAX_STEPS
from gateway.core.routing.route import Route, UnknownVersion, Unwrap
from gateway.core.routing.split import Split
from gateway.core.routing.version import Version
from gateway.core.sqs_limits import MAX_ATTRIBUTES, MAX_MESSAGE_BYTES
from tests.header_lines import pairs
from tests.plain_decision import chosen, matches
from tools.fuzz.routing_file import counted

ROUTING: Final = rb"""
routes:
  - name: rules
    queue: orders
    versions: &versions
      stable: {url: 'http://b.shop:8080/events?x=1', tag: v1, headers: {x-team: shop}}
      canary: {url: 'http://b1.shop:8080/events?x=1', tag: v2}
    rules:
      - match: [{attributes: {tenant: {regex: '(a+)+b|[^x]*'}}, body: {a.b: {regex: '(?i)x.*y'}}}]
        to: canary
      - match: [{baggage: {user: {prefix: a}}, without_attributes: {odd: {exact: 1}}}]
        split: {stable: 1, canary: 1}
        sticky: body:join(g, l)
      - match:
          - body: {"items[?n > `1`].s | [0]": {exact: 1}}
          - body: {to_string(m): {present: true}}
        to: stable
      - match: [{body: {"[@, @][] | [@, @][] | length(@)": {regex: '..*'}}}]
        to: canary
      - match: [{body: {"sort_by(k, &n)[0].s || max(v)": {present: true}}, group: {present: true}}]
        to: canary
    split: {stable: 9, canary: 1}
    sticky: body:customer.id
  - name: fifo
    queue: orders.fifo
    versions: *versions
    unknown_version: retry
    split: {stable: 1, canary: 1}
  - name: plain
    queue: plain
    versions: *versions
    unknown_version: stable
  - name: sns
    queue: sns
    versions: *versions
    unwrap: sns
    deliver: message
    version_from: ['sender:version', 'attribute:version', 'baggage:version', 'body:version']
    rules:
      - match: [{sender: {prefix: 'AROA'}, without_sender: {regex: '.*:eks-.*'}}]
        to: canary
    split: {stable: 1, canary: 1}
    sticky: body:id
"""
ROUTES: Final = loader.load(ROUTING, "fuzz.yaml").routes
SYSTEM: Final = (
    "MessageGroupId", "MessageDeduplicationId", "AWSTraceHeader", "SenderId",
    "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
)  # fmt: skip
MARKS: Final = {f"gateway-{name}": "x" for name in ("route", "version", "status", "reason")}
ALWAYS: Final = {
    "version", "content-type", "baggage", "x-gateway-route", "x-gateway-version",
    "x-gateway-reason", "x-aws-sqsd-msgid", "x-aws-sqsd-queue",
}  # fmt: skip
SOMETIMES: Final = {
    "x-aws-sqsd-sender-id", "x-aws-sqsd-binary", "x-aws-sqsd-encoded", "traceparent", "tracestate",
    "x-amzn-trace-id", "x-gateway-omitted", "message-group-id", "message-deduplication-id",
    "x-aws-sqsd-first-received-at", "x-aws-sqsd-receive-count", TOPIC, MESSAGE_ID, SUBJECT,
}  # fmt: skip
_ATTRIBUTE: Final = "x-aws-sqsd-attr-"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SQS_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_VALUE = re.compile(r"([!-~]([ \t!-~]*[!-~])?)?")
_MOST_CALLS: Final = 60 * MAX_STEPS


def check(given: bytes) -> None:
    """Decide about the message, and make its request."""
    try:
        routes, raw = _received(given)
        message_from_receive(raw)
    except ValueError:
        return
    for route in routes:
        _check_route(route, raw, len(given))


def _check_route(route: Route, raw: Any, size: int) -> None:
    message = message_from_receive(raw)
    decider = decider_of(route)
    decision, calls = counted(lambda: decider.decide(message))
    assert calls <= _MOST_CALLS + 100 * size, calls
    _check_decision(message if route.unwrap is Unwrap.NONE else unwrapped(message), route, decision)
    message.forget()
    assert decider.decide(message_from_receive(raw)) == decision, "another replica chooses alike"
    assert message._json is UNREAD, "a message in flight holds its body once"
    assert len(json.dumps(as_json(message, route, decision)).splitlines()) == 1
    for reason in (decision.reason, Reason.FALLBACK):
        _check_request(message, route, decision, reason)
    _check_copy(message)


def _received(given: bytes) -> tuple[tuple[Route, ...], Any]:
    if given[:1] == b"{":
        raw = json.loads(given)
        if not isinstance(raw, dict):
            raise ValueError("no object")
        return (ROUTES[0], ROUTES[-1]), raw
    first, *parts = [part.decode("utf-8", "surrogateescape") for part in given.split(b"\x1e")]
    words, parts = parts[: len(SYSTEM)], parts[len(SYSTEM) :]
    raw = {"MessageId": first[1:], "Body": parts[0] if parts else "{}"}
    raw["Attributes"] = {name: word for name, word in zip(SYSTEM, words, strict=False) if word}
    raw["MessageAttributes"] = {
        name: _attribute(kind, value)
        for name, kind, value in zip(parts[1::3], parts[2::3], parts[3::3], strict=False)
    }
    return (ROUTES[(given[0] if given else 0) % len(ROUTES)],), raw


def _attribute(kind: str, value: str) -> dict[str, str]:
    if not kind.startswith("Binary"):
        return {"DataType": kind, "StringValue": value}
    encoded = b64encode(value.encode("utf-8", "surrogatepass")).decode()
    return {"DataType": kind, "BinaryValue": encoded}


def _check_decision(message: Message, route: Route, decision: Decision) -> None:
    texts = [source.read(message) for source in route.version_from]
    assert decision.version is None or decision.version in route.versions
    match decision.reason:
        case Reason.PINNED:
            assert decision.version
            named = next(text for text in texts if text is not None)
            assert named in (decision.version.tag, decision.version.name)
        case Reason.UNKNOWN_VERSION:
            retries = route.unknown_version is UnknownVersion.RETRY
            assert route.unknown_version is not UnknownVersion.SPLIT
            assert decision.version is (None if retries else route.stable)
        case Reason.RULE:
            (rule,) = [each for each in route.rules if each.name == decision.rule]
            assert matches(rule, message)
            _check_choice(message, rule.to, decision)
        case Reason.SPLIT:
            _check_choice(message, route.split, decision)
        case reason:
            assert reason is Reason.DEFAULT
            assert decision == Decision(route.stable, reason)
    assert (decision.rule is not None) is (decision.reason is Reason.RULE)
    message.forget()


def _check_choice(message: Message, to: object, decision: Decision) -> None:
    assert isinstance(to, Version | Split)
    assert chosen(to, message) == (decision.version, decision.bucket)


def _check_request(message: Message, route: Route, decision: Decision, reason: Reason) -> None:
    if decision.version is None:
        return
    target = route.stable if reason is Reason.FALLBACK else decision.version
    lines, sent_body = _rendered(message, route, decision.version, target, reason)
    if route.unwrap is Unwrap.SNS:
        message = unwrapped(message)
    assert sent_body == message.body
    headers = pairs(lines)
    sent = dict(headers)
    assert sent["version"] == decision.version.tag
    assert (sent["x-gateway-route"], sent["x-gateway-version"]) == (route.name, target.name)
    assert sent["x-gateway-reason"] == reason
    assert baggage.members(sent["baggage"])["version"] == decision.version.tag
    _check_names(headers, message)
    _check_values(headers)
    if len(message.attributes) <= MAX_ATTRIBUTES and all(
        map(_SQS_NAME.fullmatch, message.attributes)
    ):
        assert len(lines) <= _most_bytes(message, target)
    head = RequestHead(target.url, target.headers, USER_AGENT)
    body = message.body.encode("utf-8", "surrogatepass")
    read = _Read(head.render(lines, len(body)) + body)
    ours = len(target.headers) + len(("host", "user-agent", "content-length"))
    assert (read.url, read.body, read.requests) == (b"/events?x=1", body, 1)
    assert [pair for pair in read.headers[ours:] if pair not in headers] == []
    assert len(read.headers) == ours + len(headers)


def _rendered(
    message: Message, route: Route, chosen: Version, target: Version, reason: Reason
) -> tuple[str, str]:
    """Return all header lines of the message's own, and the body."""
    if route.unwrap is Unwrap.NONE:
        lines = delivery_headers(
            message, route=route.name, queue=route.queue.name,
            belongs_to=chosen, delivered_to=target, reason=reason,
        )  # fmt: skip
        return lines, message.body
    dialect = HeaderDialect(unwrap=route.unwrap, deliver=route.deliver)
    plan = DeliveryPlan(
        route.name, route.queue.name, chosen.tag, target.name, reason, target.timeout_seconds,
        dialect=dialect,
    )  # fmt: skip
    shared = plan_lines(plan)
    room = room_for_message(target.max_header_bytes, len(shared))
    lines, body = unwrapped_lines(message, chosen.tag, room=room, dialect=dialect)
    return shared + lines, body


def _check_names(headers: list[tuple[str, str]], message: Message) -> None:
    names = [name for name, _ in headers]
    assert all(map(_TOKEN.fullmatch, names))
    assert len({name.lower() for name in names}) == len(names), names
    assert set(names) >= ALWAYS
    assert ("x-aws-sqsd-first-received-at" in names) == (message.first_received_ms != 0)
    assert ("x-aws-sqsd-receive-count" in names) == message.counted
    assert ("message-group-id" in names) == (message.group is not None)
    from_message = set(names) - ALWAYS - SOMETIMES
    assert {name.removeprefix(_ATTRIBUTE) for name in from_message} <= set(message.attributes)
    assert all(name.startswith(_ATTRIBUTE) for name in from_message)


def _check_values(headers: list[tuple[str, str]]) -> None:
    assert all(_VALUE.fullmatch(value) for _, value in headers), headers


def _most_bytes(message: Message, target: Version) -> int:
    """Return what the lines may take; the ids of a fuzzed message, always sent, may be large."""
    ids = (message.message_id, message.sender_id, message.group, message.deduplication_id)
    always = sum(6 * len((each or "").encode("utf-8", "surrogatepass")) for each in ids)
    return target.max_header_bytes - SIDECAR_BYTES + always + 1024


def _check_copy(message: Message) -> None:
    attributes, dropped = copy_attributes(message, MARKS)
    assert set(attributes) | set(dropped) == set(message.attributes) | set(MARKS)
    assert not set(attributes) & set(dropped)
    assert [attributes[name].text for name in MARKS] == ["x"] * len(MARKS)
    size = sum(attribute_bytes(name, each) for name, each in attributes.items())
    size += len(message.body.encode("utf-8", "surrogatepass"))
    assert len(attributes) <= 10
    assert size <= MAX_MESSAGE_BYTES or set(attributes) == set(MARKS)


class _Read:
    """A request as another parser reads it."""

    def __init__(self, sent: bytes) -> None:
        self.url = self.body = b""
        self.headers: list[tuple[str, str]] = []
        self.requests = 0
        HttpRequestParser(self).feed_data(sent)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.requests += 1
