"""The chain with a queue of C, and with services that poll: the gateway alone leads each message.

Nothing that a service is started with names a version. Its Deployment names its session at AWS, and
the gateway reads that in what it sent.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.core.addresses import parse_queue
from gateway.core.messages.sender import session_member
from gateway.core.routing.decider import decide
from gateway.core.routing.decision import Reason
from gateway.demo.mesh import objects as mesh
from tests.builders import message
from tests.chart.chain import (
    CHAIN_CHART,
    SERVICES,
    arguments,
    environment,
    found,
    gateway_deployment,
    kustomized,
    named,
    option,
    rendered_chain,
    routes,
)
from tests.chart.notes import notes
from tests.chart.rendering import refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from tests.chart.rendering import Object

SECOND_QUEUE: Final = CHAIN_CHART / "values-second-queue.yaml"
QUEUES: Final = CHAIN_CHART / "values-queues.yaml"
EMULATOR: Final = CHAIN_CHART / "values-emulator.yaml"
AWS: Final = CHAIN_CHART / "ci" / "aws-queues.yaml"
SESSION: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""What AWS_ROLE_SESSION_NAME may be: the API page of STS's AssumeRoleWithWebIdentity."""

TWO_HOPS: Final[dict[str, Callable[[], list[Object]]]] = {
    "second queue": lambda: rendered_chain(SECOND_QUEUE),
    "second queue, no AWS": lambda: rendered_chain(EMULATOR, SECOND_QUEUE),
    "queues": lambda: rendered_chain(QUEUES),
    "queues, no AWS": lambda: rendered_chain(EMULATOR, QUEUES),
    "queues, roles": lambda: rendered_chain(AWS),
    "queues, Pod Identity": lambda: rendered_chain(CHAIN_CHART / "ci" / "pod-identity-queues.yaml"),
    "kustomize, second queue": lambda: kustomized("overlays/second-queue"),
    "kustomize, queues": lambda: kustomized("overlays/queues"),
}
POLLING: Final = [name for name in TWO_HOPS if "queues" in name]
both_hops = pytest.mark.parametrize("made", TWO_HOPS.values(), ids=TWO_HOPS.keys())
where_services_poll = pytest.mark.parametrize(
    "made", [TWO_HOPS[name] for name in POLLING], ids=POLLING
)


def queue_of(objects: list[Object], service: str, name: str) -> str | None:
    """Return the name of the queue that an option of a service gives."""
    given = option(named(objects, "Deployment")[service], name)
    return parse_queue(given).name if given else None


def hops(objects: list[Object]) -> tuple[Route, Route]:
    """Return the route that feeds B and the one that feeds C, as the file has them."""
    first, second = routes(objects).values()
    return first, second


def versions(route: Route) -> tuple[Version, Version]:
    """Return the stable version and the canary."""
    (canary,) = (each for each in route.versions if each.name != route.stable.name)
    return route.stable, canary


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


@pytest.mark.parametrize("values", [SECOND_QUEUE, QUEUES], ids=["second queue", "queues"])
def test_the_emulator_has_every_queue(values: Path, tmp_path: Path) -> None:
    """Those of the routes and those of the versions, each once."""
    objects = rendered_chain(EMULATOR, values)
    script = found(objects, "ConfigMap", "sqs-queues")["data"]["10-queues.sh"]
    (tmp_path / "awslocal").write_text('#!/bin/sh\necho "$4"\n')
    (tmp_path / "awslocal").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    made = done.stdout.split()
    both = hops(objects)
    wanted = {route.queue.name for route in both}
    wanted |= {each.queue.name for route in both for each in route.versions if each.queue}
    assert sorted(made) == sorted(wanted)


@pytest.mark.parametrize("values", [SECOND_QUEUE, QUEUES], ids=["second queue", "queues"])
def test_the_emulator_learns_senders_by_their_keys(values: Path) -> None:
    """It knows no sessions: the access key id is what SQS would say, and a front says it."""
    objects = rendered_chain(EMULATOR, values)
    for name in ("b", "b1"):
        told = environment(objects, name)
        assert told["AWS_ACCESS_KEY_ID"] == f"AROAEMULATED:{told['AWS_ROLE_SESSION_NAME']}"
        assert told["AWS_ENDPOINT_URL_SQS"] == "http://sqs:4566"
    assert environment(objects, "a")["AWS_ACCESS_KEY_ID"] == "emulated"
    _, front = found(objects, "Deployment", "sqs")["spec"]["template"]["spec"]["containers"]
    (port,) = found(objects, "Service", "sqs")["spec"]["ports"]
    assert port["targetPort"] == front["ports"][0]["name"]
    assert f"--port={front['ports'][0]['containerPort']}" in front["args"]
    assert front["image"] == "sqs-version-gateway:0.2.0"


def test_a_session_of_the_values_is_the_charts_own() -> None:
    sets = ["env[0].name=AWS_ROLE_SESSION_NAME", "env[0].value=mine"]
    objects = rendered_chain(SECOND_QUEUE, sets=sets)
    assert environment(objects, "b1") == {"AWS_ROLE_SESSION_NAME": "b1,version=v2"}
    assert environment(objects, "a") == {"AWS_ROLE_SESSION_NAME": "mine"}


def test_every_service_that_polls_may_have_a_role() -> None:
    accounts = named(rendered_chain(AWS), "ServiceAccount")
    roles = {
        name: (one["metadata"].get("annotations") or {}).get("eks.amazonaws.com/role-arn")
        for name, one in accounts.items()
        if name.startswith("chain-")
    }
    assert roles == {
        f"chain-{name}": None if name == "d" else f"arn:aws:iam::123456789012:role/chain-{name}"
        for name in SERVICES
    }


def test_both_ways_to_give_a_its_role_agree() -> None:
    """`roleArns.a` wins, and other annotations stay."""
    sets = ["serviceAccountAnnotations.team=shop", "roleArns.a=arn:aws:iam::123456789012:role/x"]
    metadata = found(rendered_chain(sets=sets), "ServiceAccount", "chain-a")["metadata"]
    assert metadata["annotations"] == {
        "team": "shop",
        "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/x",
    }


@pytest.mark.parametrize(("stem", "values"), [("second-queue", SECOND_QUEUE), ("queues", QUEUES)])
def test_what_is_rendered_as_a_value_set_is_what_users_are_given(stem: str, values: Path) -> None:
    assert (CHAIN_CHART / "ci" / f"{stem}.yaml").read_text() == values.read_text()


def test_the_emulators_value_set_is_both_files_together() -> None:
    shown = rendered_chain(CHAIN_CHART / "ci" / "emulator-queues.yaml")
    assert shown == rendered_chain(EMULATOR, QUEUES)


@pytest.mark.parametrize(
    ("values", "sets", "words"),
    [
        (SECOND_QUEUE, ["secondRoute=nobody"], 'secondRoute: no route is called "nobody"'),
        (SECOND_QUEUE, ["secondRoute=orders"], 'secondRoute: "orders" feeds B already'),
        (SECOND_QUEUE, ["chain.mode=queues"], "needs the queue that the service b"),
        (QUEUES, ["chain.mode=http"], "url: is missing, but this version is the Service b"),
        (QUEUES, ["chain.mode=pull"], "chain/mode"),
        (QUEUES, ["chain.modus=http"], "modus"),
        (SECOND_QUEUE, ["roleArns.e=arn:aws:iam::123456789012:role/x"], "roleArns"),
        (SECOND_QUEUE, ["roleArns.b=chain-b"], "roleArns/b"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: Path, sets: list[str], words: str) -> None:
    assert words in refusal(CHAIN_CHART, values, sets=sets)


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        ((), ["by sourceLabels", "create-queue --queue-name orders\n"], ["orders-c"]),
        ((SECOND_QUEUE,), ["who sent", 'route "orders-c"', "orders/now"], ["sourceLabels"]),
        ((QUEUES,), ["create-queue --queue-name b1\n", "queue-name orders-c\n"], ["orders/now"]),
        ((EMULATOR, QUEUES), ['route "orders-c"'], ["create-queue"]),
    ],
)
def test_the_notes_say_how_messages_go(
    values: tuple[Path, ...], said: list[str], unsaid: list[str]
) -> None:
    text = notes([], *values, of=CHAIN_CHART) + "\n"
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []


def test_with_pod_identity_the_roles_tell_b_from_b1() -> None:
    """Sessions have names of EKS's own there: the route of C has rules on the roles' ids."""
    objects = rendered_chain(CHAIN_CHART / "ci" / "pod-identity-queues.yaml")
    _, second = hops(objects)
    stable, canary = versions(second)
    for role, version in (("AROAEXAMPLEOFB", stable), ("AROAEXAMPLEOFB1", canary)):
        for pod in range(20):
            sender = f"{role}:eks-shop-{pod}-5af5e7ac-0a44-4f1a-9d0e-{pod:012}"
            decision = decide(message(sender_id=sender), second)
            assert (decision.version, decision.reason) == (version, Reason.RULE)


def changed(folder: Path, route: int, **version: Any) -> Path:
    """Write the values of the second queue with another canary in one route."""
    values = yaml.safe_load(SECOND_QUEUE.read_text())
    values["gateway"]["routes"][route]["versions"]["canary"].update(version)
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_one_version_has_one_tag_on_both_hops(tmp_path: Path) -> None:
    told = refusal(CHAIN_CHART, changed(tmp_path, 1, tag="v3"))
    assert 'orders-c: versions: canary: tag: is "v3", but "v2" in route orders' in told


def test_a_tag_that_makes_a_session_too_long_is_refused(tmp_path: Path) -> None:
    values = yaml.safe_load(SECOND_QUEUE.read_text())
    for route in values["gateway"]["routes"]:
        route["versions"]["canary"]["tag"] = "r" * 54
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    assert "at most 64 characters" in refusal(CHAIN_CHART, tmp_path / "values.yaml")
