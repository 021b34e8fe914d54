"""Pins, rules and weights as two services see them, against moto (docs/reference/decisions.md)."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.decisions import assert_as_computed, bucket
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.queues import Draft
from tests.notifications import TOPIC, notified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.exchanges import Request
    from tests.integration.queues import Queue, Sent, Sqs
    from tests.integration.services import Service

TO_CANARY = {"stable": 0, "canary": 100}
EVEN = {"stable": 50, "canary": 50}
RULES = [
    {
        "name": "beta",
        "match": [
            {
                "attributes": {"tenant": {"exact": "acme"}},
                "body": {"customer.tier": {"regex": "beta|alpha"}},
            },
            {"attributes": {"Weight": {"exact": 7}}},
            {"baggage": {"team": {"prefix": "ca"}}},
        ],
        "to": "canary",
    },
    {
        "match": [
            {
                "body": {"customer.country": {"exact": "CN"}, "total": {"exact": "1.5"}},
                "without_attributes": {"tenant": {"prefix": "internal-"}},
            }
        ],
        "split": {"stable": 1, "canary": 1},
        "sticky": "body:customer.id",
    },
]


class Stage:
    """The gateway with its two services."""

    def __init__(self, gateway: GatewayProcess, sqs: Sqs, stable: Service, canary: Service) -> None:
        self.gateway, self._sqs = gateway, sqs
        self.stable, self.canary = stable, canary

    def queue(self, name: str) -> Queue:
        return self._sqs.create(f"decisions-{name}")

    def requests(self, route: str) -> list[Request]:
        both = [*self.stable.seen(), *self.canary.seen()]
        return [each for each in both if each["x-gateway-route"] == route]

    def bring(self, name: str, *drafts: Draft) -> list[tuple[Sent, Request]]:
        """Send, wait until all is delivered and deleted, and check every decision."""
        queue, route = self.queue(name), name.removesuffix(".fifo")
        sent = queue.send_all(drafts)
        queue.wait_until_empty()
        ids = {each.message_id for each in sent}
        requests = [each for each in self.requests(route) if each.message_id in ids]
        assert_as_computed(self.gateway.file, route, sent, requests)
        by_id = {each.message_id: each for each in requests}
        return [(each, by_id[each.message_id]) for each in sent]


@pytest.fixture(scope="module")
def stage(
    moto: Sqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    stable, canary = new_service("stable"), new_service("canary")

    def route(queue: str, **more: Any) -> dict[str, Any]:
        name = queue.removesuffix(".fifo")
        versions = two_versions(stable.url, canary.url)
        moto.create(f"decisions-{queue}")
        return {"name": name, "queue": f"decisions-{queue}", "wait": "1s", **versions, **more}

    routing = {
        "routes": [
            route("pins", split=EVEN),
            route("unknown-is-stable", split=TO_CANARY, unknown_version="stable"),
            route("unknown-waits", split=TO_CANARY, unknown_version="retry"),
            route("weights", split={"stable": 90, "canary": 10}),
            route("rules", split={"stable": 100, "canary": 0}, rules=RULES),
            route("sticky", split=EVEN, sticky="attribute:customer", seed="weights"),
            route("plain"),
            route("sns", split=EVEN, unwrap="sns", deliver="message", sticky="body:id"),
            route("sns-as-it-came", split=EVEN, unwrap="sns"),
            route("groups.fifo", split=EVEN),
        ]
    }
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), routing, moto.endpoint) as gateway:
        yield Stage(gateway, moto, stable, canary)


PINS = {
    "by the tag": ({"version": "v2"}, "canary"),
    "by the name": ({"version": "canary"}, "canary"),
    "by the tag of stable": ({"version": "v1"}, "stable"),
    "whatever the case of the attribute's name": ({"Version": "v2"}, "canary"),
    "by baggage": ({"baggage": "a=b, version=v2;ttl=3"}, "canary"),
    "by percent-encoded baggage": ({"baggage": "VERSION=%76%32"}, "canary"),
    "by the attribute before baggage": ({"version": "v1", "baggage": "version=v2"}, "stable"),
}


def test_a_pin_decides_before_any_split(stage: Stage) -> None:
    """Each pin in PINS, sent eight times: by chance they would not all go one way."""
    drafts = [Draft(attributes=attributes) for attributes, _ in PINS.values() for _ in range(8)]
    brought = stage.bring("pins", *drafts)
    came = [(each["x-gateway-version"], each["x-gateway-reason"]) for _, each in brought]
    assert came == [(version, "pinned") for _, version in PINS.values() for _ in range(8)]


WRAPPED = {
    "published attribute": (notified("id;1", {"version": "v2", "tenant": "acme"}), {}, "id;1"),
    "published baggage": (notified("{}", {"baggage": "version=v2"}), {}, "{}"),
    "attribute of the queue": (notified("a", {"version": "v1"}), {"version": "v2"}, "a"),
    "raw": ('{"id": 7}', {"version": "v2"}, '{"id": 7}'),
}


def test_raw_messages_and_notifications_of_sns_share_a_queue(stage: Stage) -> None:
    drafts = [Draft(body, attributes) for body, attributes, _ in WRAPPED.values()]
    brought = stage.bring("sns", *drafts)
    assert [each.body.decode() for _, each in brought] == [body for *_, body in WRAPPED.values()]
    assert {each["x-gateway-version"] for _, each in brought} == {"canary"}
    first, last = brought[0][1], brought[-1][1]
    assert first["x-amz-sns-topic-arn"] == TOPIC
    assert first["x-aws-sqsd-attr-tenant"] == "acme"
    assert first["content-type"] == "text/plain; charset=utf-8"
    assert last.get("x-amz-sns-topic-arn") is None


def test_a_notification_may_go_as_it_came_and_still_pins(stage: Stage) -> None:
    body = notified('{"id": 7}', {"version": "v2", "traceparent": "00-1", "baggage": "a=1"})
    ((_, request),) = stage.bring("sns-as-it-came", Draft(body))
    assert request.body.decode() == body
    assert request["x-gateway-reason"] == "pinned"
    assert (request["traceparent"], request["baggage"]) == ("00-1", "a=1,version=v2")
    assert request.get("x-aws-sqsd-attr-version") is None


def test_a_message_goes_to_the_service_of_its_version(stage: Stage) -> None:
    """The URL is the version's, and not only the header says so."""
    sent = stage.bring(
        "pins", Draft("to-stable", {"version": "v1"}), Draft("to-canary", {"version": "v2"})
    )
    assert [request.service for _, request in sent] == ["stable", "canary"]
    assert {request.line for _, request in sent} == {"POST /events HTTP/1.1"}


def test_an_unknown_version_is_split_as_if_none_were_named(stage: Stage) -> None:
    brought = stage.bring("pins", *[Draft(attributes={"version": "v9"})] * 30)
    assert {request["x-gateway-reason"] for _, request in brought} == {"split"}
    assert {request.service for _, request in brought} == {"stable", "canary"}


def test_an_unknown_version_goes_to_stable_where_the_route_says_so(stage: Stage) -> None:
    named, unnamed = Draft(attributes={"version": "v9"}), Draft()
    (_, first), (_, second) = stage.bring("unknown-is-stable", named, unnamed)
    assert (first.service, first["x-gateway-reason"]) == ("stable", "unknown_version")
    assert (second.service, second["x-gateway-reason"]) == ("canary", "split")


def test_an_unknown_version_waits_in_the_queue_where_the_route_says_so(stage: Stage) -> None:
    """Nobody gets it, it is not lost, and it holds up nobody."""
    queue = stage.queue("unknown-waits")
    waiting = queue.send("waiting", attributes={"version": "v9"})
    queue.send("passing")
    stage.canary.wait_for(1, "passing")
    queue.wait_for_counts(0, 1)
    assert waiting.message_id not in {each.message_id for each in stage.requests("unknown-waits")}
    undecided = {"route": "unknown-waits", "version": "", "reason": "unknown_version"}
    assert stage.gateway.metric("gateway_decisions_total", **undecided) >= 1


def test_weights_hold_for_every_single_message_id(stage: Stage) -> None:
    """200 messages at 90/10: the canary has the buckets below 1,000, by our own arithmetic too."""
    brought = stage.bring("weights", *[Draft(f'{{"n": {n}}}') for n in range(200)])
    for sent, request in brought:
        below = bucket("weights", sent.message_id) < 1_000
        assert request.service == ("canary" if below else "stable"), sent.message_id
    assert len(stage.requests("weights")) == 200


def test_rules_read_bodies_attributes_and_baggage(stage: Stage) -> None:
    """The first rule is any of three matchers, and wins over the second where both match."""
    vip = json.dumps({"customer": {"tier": "alpha"}})
    beta = [
        Draft(vip, {"tenant": "acme"}),
        Draft("no JSON at all", {"weight": 7}),
        *[Draft(_chinese(f"both rules {n}"), {"weight": 7}) for n in range(6)],
        Draft(attributes={"baggage": "team=canada"}),
    ]
    others = [
        Draft(vip, {"tenant": "acme corp"}),
        Draft(json.dumps({"customer": {"tier": "beta-2"}}), {"tenant": "acme"}),
        Draft("no JSON at all", {"tenant": "acme"}),
        Draft(attributes={"baggage": "team=xca"}),
        Draft(_chinese("c-1"), {"tenant": "internal-7"}),
    ]
    brought = stage.bring("rules", *beta, *others)
    came = [(request.service, request["x-gateway-reason"]) for _, request in brought]
    assert came == [("canary", "rule")] * len(beta) + [("stable", "split")] * len(others)


def test_a_rule_may_split_by_a_sticky_key_of_its_own(stage: Stage) -> None:
    """Each of 12 customers, five messages: all five on one side, and both sides are in use."""
    customers = [f"c-{n}" for n in range(12)] * 5
    brought = stage.bring("rules", *[Draft(_chinese(customer)) for customer in customers])
    for sent, request in brought:
        customer = json.loads(sent.draft.body)["customer"]["id"]
        below = bucket("rules", customer) < 5_000
        assert (request.service == "canary", request["x-gateway-reason"]) == (below, "rule")
    assert {request.service for _, request in brought} == {"stable", "canary"}


def test_a_sticky_attribute_keeps_a_customer_on_one_version(stage: Stage) -> None:
    """By the seed that the route names; without the attribute the message id decides."""
    drafts = [Draft(attributes={"customer": f"c-{n % 10}"}) for n in range(40)] + [Draft()] * 10
    for sent, request in stage.bring("sticky", *drafts):
        key = sent.draft.attributes.get("customer", sent.message_id)
        assert (request.service == "canary") is (bucket("weights", str(key)) < 5_000)


def test_without_split_and_rules_all_goes_to_stable(stage: Stage) -> None:
    brought = stage.bring("plain", *[Draft()] * 5)
    told = Counter((request.service, request["x-gateway-reason"]) for _, request in brought)
    assert told == {("stable", "default"): 5}


def test_a_fifo_route_keeps_each_group_in_order_on_one_version(stage: Stage) -> None:
    """Six groups by turns, four messages each; the split sticks to the group by itself."""
    drafts = [Draft(f"{number}", group=f"g-{group}") for number in range(4) for group in range(6)]
    brought = stage.bring("groups.fifo", *drafts)
    for group in {sent.draft.group for sent, _ in brought}:
        mine = [request for sent, request in brought if sent.draft.group == group]
        below = bucket("groups", str(group)) < 5_000
        assert {request.service for request in mine} == {"canary" if below else "stable"}
        assert sorted(mine, key=lambda each: each.arrived_at) == mine


def _chinese(customer: str) -> str:
    return json.dumps({"customer": {"country": "CN", "id": customer}, "total": 1.50})
