"""The chain with a queue of C, and with services that poll: the gateway alone leads each message.

Nothing that a service is started with names a version. Its Deployment names its session at AWS, and
the gateway reads that in what it sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from gateway.core.messages.sender import session_member
from gateway.core.routing.decider import decide
from gateway.core.routing.decision import Reason
from gateway.demo.mesh import objects as mesh
from tests.builders import message
from tests.chart.chain import (
    SERVICES,
    arguments,
    environment,
    found,
    gateway_deployment,
    named,
    option,
    rendered_chain,
)
from tests.chart.two_hops import (
    POD_IDENTITY,
    QUEUES,
    SECOND_QUEUE,
    TWO_HOPS,
    hops,
    queue_of,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chart.rendering import Object

SESSION: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""What AWS_ROLE_SESSION_NAME may be: the API page of STS's AssumeRoleWithWebIdentity."""

POLLING: Final = [name for name in TWO_HOPS if "queues" in name]
both_hops = pytest.mark.parametrize("made", TWO_HOPS.values(), ids=TWO_HOPS.keys())
where_services_poll = pytest.mark.parametrize(
    "made", [TWO_HOPS[name] for name in POLLING], ids=POLLING
)


@both_hops
def test_the_queue_of_c_is_what_b_and_b1_send_to(made: Callable[[], list[Object]]) -> None:
    objects = made()
    first, second = hops(objects)
    assert queue_of(objects, "a", "queue") == first.queue.name
    for name in ("b", "b1"):
        assert queue_of(objects, name, "next-queue") == second.queue.name
        assert option(named(objects, "Deployment")[name], "next") is None


@where_services_poll
def test_each_service_polls_the_queue_that_the_gateway_forwards_to(
    made: Callable[[], list[Object]],
) -> None:
    objects = made()
    forwarded = {}
    for route, services in zip(hops(objects), (("b", "b1"), ("c", "c1")), strict=True):
        for version, service in zip(versions(route), services, strict=True):
            assert version.queue
            forwarded[service] = version.queue.name
    polled = {name: queue_of(objects, name, "poll") for name in SERVICES}
    assert {name: queue for name, queue in polled.items() if queue} == forwarded
    sources = {route.queue.name for route in hops(objects)}
    assert not sources & set(forwarded.values())
    assert len(set(forwarded.values())) == len(forwarded)


@both_hops
def test_the_gateway_alone_polls_the_shared_queues(made: Callable[[], list[Object]]) -> None:
    objects = made()
    sources = {route.queue.name for route in hops(objects)}
    assert not [name for name in SERVICES if queue_of(objects, name, "poll") in sources]


@both_hops
def test_a_session_says_the_version_of_its_pods(made: Callable[[], list[Object]]) -> None:
    """The tag of the version that the service is, on the hop before it."""
    objects = made()
    tags = [version.tag for version in versions(hops(objects)[0])]
    senders = [n for n in SERVICES if queue_of(objects, n, "next-queue")]
    pollers = [n for n in SERVICES if queue_of(objects, n, "poll")]
    assert senders == ["b", "b1"]
    for name in {*senders, *pollers}:
        session = environment(objects, name)["AWS_ROLE_SESSION_NAME"]
        assert SESSION.fullmatch(session)
        assert session.startswith(f"{name},")
        pods = named(objects, "Deployment")[name]["spec"]["template"]["metadata"]["labels"]
        assert (
            session_member(f"AROA:{session}", "version")
            == pods["version"]
            == tags[name.endswith("1")]
        )


@both_hops
def test_the_weights_of_c_move_nothing_that_b_or_b1_sent(made: Callable[[], list[Object]]) -> None:
    """Both pin what they send, B too: else the split of C would lead some of it to C1."""
    objects = made()
    _, second = hops(objects)
    assert second.weights
    for name, version in zip(("b", "b1"), versions(second), strict=True):
        sender = f"AROAEXAMPLE:{environment(objects, name)['AWS_ROLE_SESSION_NAME']}"
        for number in range(100):
            decision = decide(message(message_id=f"m-{number}", sender_id=sender), second)
            assert (decision.version, decision.reason) == (version, Reason.PINNED)


@both_hops
def test_what_others_send_to_c_is_split(made: Callable[[], list[Object]]) -> None:
    _, second = hops(made())
    others = (message(message_id=f"m-{number}", sender_id="AIDAOTHER") for number in range(1_000))
    decisions = [decide(each, second) for each in others]
    assert {decision.reason for decision in decisions} == {Reason.SPLIT}
    assert {decision.version for decision in decisions} == set(versions(second))


@both_hops
def test_what_fell_back_to_b_is_led_on_by_opentelemetry_alone(
    made: Callable[[], list[Object]],
) -> None:
    """What B sends says v1; baggage that an agent has put there says more, and is read before."""
    objects = made()
    _, second = hops(objects)
    stable, canary = versions(second)
    sender = f"AROAEXAMPLE:{environment(objects, 'b')['AWS_ROLE_SESSION_NAME']}"
    baggage = {"baggage": f"version={canary.tag}"}
    assert decide(message(sender_id=sender), second).version == stable
    assert decide(message(sender_id=sender, attributes=baggage), second).version == canary


@both_hops
def test_nothing_that_a_service_is_started_with_names_a_version(
    made: Callable[[], list[Object]],
) -> None:
    objects = made()
    tags = {version.tag for version in versions(hops(objects)[0])}
    for name in SERVICES:
        words = set(re.split(r"\W+", " ".join(arguments(named(objects, "Deployment")[name]))))
        assert not words & {*tags, "stable", "canary", "blue", "green", "version"}


@both_hops
def test_a_and_d_are_as_they_were(made: Callable[[], list[Object]]) -> None:
    objects = made()
    for name in ("a", "d"):
        assert "AWS_ROLE_SESSION_NAME" not in environment(objects, name)
        assert queue_of(objects, name, "poll") is None


@pytest.mark.parametrize(
    "made", [TWO_HOPS["second queue"], TWO_HOPS["kustomize, second queue"]], ids=["helm", "files"]
)
def test_c1_takes_from_the_gateway_alone(made: Callable[[], list[Object]]) -> None:
    """B1 does not call it any more, and the mesh decides nothing: both rules are the gateway's."""
    objects = made()
    policy = found(objects, "AuthorizationPolicy", "c1")["spec"]
    account = gateway_deployment(objects)["spec"]["template"]["spec"]["serviceAccountName"]
    (rule,) = policy["rules"]
    assert rule["from"] == [{"source": {"principals": [f"*/sa/{account}"]}}]
    seen = mesh.read_mesh(objects)
    labels = gateway_deployment(objects)["spec"]["template"]["metadata"]["labels"]
    for host in ("c", "c1"):
        (only,) = seen.seen_by(labels, host)
        assert [mesh.target_of(route).host for route in only.routes] == [host]
        assert (only.matches, only.retries) == (({},), {"attempts": 0})


def test_by_header_b_does_not_call_c1_either() -> None:
    objects = rendered_chain(SECOND_QUEUE, sets=["mesh.by=header"])
    policy = found(objects, "AuthorizationPolicy", "c1")["spec"]
    assert policy == found(rendered_chain(SECOND_QUEUE), "AuthorizationPolicy", "c1")["spec"]


@where_services_poll
def test_who_polls_is_called_by_nobody(made: Callable[[], list[Object]]) -> None:
    objects = made()
    assert not {"b", "b1", "c", "c1"} & named(objects, "Service").keys()
    assert not [one for one in objects if "istio" in one["apiVersion"]]
    called = {option(found(objects, "Deployment", name), "next") for name in SERVICES}
    assert called == {None, "http://d:8080/events"}


@where_services_poll
def test_who_polls_has_time_to_end_its_poll(made: Callable[[], list[Object]]) -> None:
    """A long poll of 20 s ends before Kubernetes' 30 s do: no pause before it."""
    for name in ("b", "b1", "c", "c1"):
        pod = found(made(), "Deployment", name)["spec"]["template"]["spec"]
        assert pod.get("terminationGracePeriodSeconds", 30) >= 25
        assert "lifecycle" not in pod["containers"][0]


def test_with_polling_b_and_a_called_c_the_mesh_leads_b1_to_c1() -> None:
    """Half of it: B and B1 poll, C and C1 are called as ever."""
    objects = rendered_chain(QUEUES, sets=["secondRoute="])
    assert named(objects, "VirtualService").keys() == {"c"}
    assert named(objects, "Service").keys() >= {"c", "c1", "d"}
    assert option(found(objects, "Deployment", "b1"), "next") == "http://c:8080/events"
    assert option(found(objects, "Deployment", "c1"), "poll") is None
    (first, *_) = mesh.read_mesh(objects).seen_by({"app": "b", "version": "v2"}, "c")
    assert [mesh.target_of(route).host for route in first.routes] == ["c1"]


def test_with_pod_identity_the_roles_tell_b_from_b1() -> None:
    """Sessions have names of EKS's own there: the route of C has rules on the roles' ids."""
    objects = rendered_chain(POD_IDENTITY)
    _, second = hops(objects)
    stable, canary = versions(second)
    for role, version in (("AROAEXAMPLEOFB", stable), ("AROAEXAMPLEOFB1", canary)):
        for pod in range(20):
            sender = f"{role}:eks-shop-{pod}-5af5e7ac-0a44-4f1a-9d0e-{pod:012}"
            decision = decide(message(sender_id=sender), second)
            assert (decision.version, decision.reason) == (version, Reason.RULE)
