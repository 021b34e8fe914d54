"""The chain whose gateway follows the VirtualService of B: messages go where requests go."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.cli.explain_follow import followed_route
from gateway.config import loader
from gateway.core.routing.decider import decider_of
from gateway.demo.kubernetes.script import rules_of
from gateway.demo.mesh import objects as mesh
from tests.builders import message
from tests.chart.chain import (
    CHAIN_CHART,
    found,
    gateway_deployment,
    named,
    rendered_chain,
    routing_text,
    shares,
)
from tests.chart.notes import notes
from tests.chart.rendering import ROOT, refusal, render
from tests.integration.children import run_gateway

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.core.routing.decision import Decision
    from tests.chart.rendering import Object

FOLLOW: Final = CHAIN_CHART / "values-follow.yaml"
IDS: Final = [str(at) for at in range(2000)]
NEAR: Final = Fraction(3, 100)
"""So far are the shares of 2,000 message ids off at most."""
TAGS: Final = {"b": "v1", "b1": "v2"}
SPLITS: Final = [(90, 10), (50, 50), (3, 1), (0, 100), (100, 0)]


def follows(at: int = 0, name: str = "orders", service: str = "b") -> list[str]:
    """Return the `--set` arguments of a route that follows the VirtualService of a service."""
    roles = (("stable", service, "v1"), ("canary", f"{service}1", "v2"))
    keys = [f"name={name}", f"queue={name}", f"follow.virtualService={service}"]
    for role, host, tag in roles:
        keys += [f"versions.{role}.url=http://{host}:8080/events", f"versions.{role}.tag={tag}"]
    return [f"gateway.routes[{at}].{key}" for key in keys]


def chain(stable: int = 90, canary: int = 10) -> list[Object]:
    return rendered_chain(
        FOLLOW, sets=[f"mesh.split.stable={stable}", f"mesh.split.canary={canary}"]
    )


def decisions(
    objects: list[Object], folder: Path, follow: str = "", **attributes: str
) -> list[Decision]:
    """Return what the rendered routing file decides by the rendered objects.

    `follow` are further keys of the route's.
    """
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    text = routing_text(objects)
    if follow:
        text = text.replace("virtualService: b\n", f"virtualService: b\n      {follow}\n")
        assert follow in text
    (route,) = loader.load(text.encode(), "routes.yaml").routes
    decider = decider_of(followed_route(route, {"VirtualService": [str(file)]}))
    return [decider.decide(message(message_id=each, attributes=attributes)) for each in IDS]


def shares_of(decided: list[Decision]) -> dict[str, Fraction]:
    tags = [each.version.tag for each in decided if each.version is not None]
    return {tag: Fraction(tags.count(tag), len(IDS)) for tag in set(tags)}


def shares_of_requests(objects: list[Object], version: str = "") -> dict[str, Fraction]:
    """Return where the mesh leads a request of A to B, by the first rule for it."""
    seen = mesh.read_mesh(objects)
    headers = {"version": {"exact": version}}
    (rule, *_) = (
        each
        for each in seen.seen_by(seen.pods["a"], "b")
        if {} in each.matches or headers in each.matches
    )
    weights = {TAGS[mesh.target_of(each).host]: each.get("weight", 1) for each in rule.routes}
    return shares(weights)


def are_near(some: Mapping[str, Fraction], others: Mapping[str, Fraction]) -> bool:
    return some.keys() == others.keys() and all(
        abs(some[each] - others[each]) <= NEAR for each in some
    )


@pytest.mark.parametrize(("stable", "canary"), SPLITS)
def test_messages_are_divided_as_requests_are(stable: int, canary: int, tmp_path: Path) -> None:
    objects = chain(stable, canary)
    requests = shares_of_requests(objects)
    assert requests == shares({"v1": stable, "v2": canary})
    assert are_near(shares_of(decisions(objects, tmp_path)), requests)


@pytest.mark.parametrize("version", ["v1", "v2", "stable", "canary", "v9"])
def test_a_message_that_names_a_version_goes_where_such_a_request_goes(
    version: str, tmp_path: Path
) -> None:
    objects = chain()
    requests = shares_of_requests(objects, version)
    assert are_near(shares_of(decisions(objects, tmp_path, version=version)), requests)
    assert (len(requests) == 2) is (version == "v9")


def test_explain_says_the_same_of_what_helm_renders(tmp_path: Path) -> None:
    objects = chain(0, 100)
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    (tmp_path / "routes.yaml").write_text(routing_text(objects))
    lines = [{"MessageId": "m-1", "Body": "{}"}]
    attribute = {"version": {"DataType": "String", "StringValue": "v1"}}
    lines.append({"MessageId": "m-2", "Body": "{}", "MessageAttributes": attribute})
    stdin = "\n".join(map(json.dumps, lines))
    files = [str(tmp_path / "routes.yaml"), "--virtualservice", str(tmp_path / "objects.yaml")]
    done = run_gateway("explain", *files, "--messages", "-", stdin=stdin)
    assert done.returncode == 0, done.stderr
    said = [json.loads(each) for each in done.stdout.splitlines()]
    assert [(each["version"], each["reason"]) for each in said] == [
        ("canary", "split"),
        ("stable", "rule"),
    ]
    assert "is no version" not in done.stderr


def test_the_rule_for_the_gateway_s_pods_takes_deliveries_and_no_messages(tmp_path: Path) -> None:
    """With the labels of its own pods in `follow` it would take every message."""
    objects = chain(0, 100)
    labels = gateway_deployment(objects)["spec"]["template"]["metadata"]["labels"]
    seen = mesh.read_mesh(objects)
    for host in ("b", "b1"):
        first, *_ = seen.seen_by(labels, host)
        assert [mesh.target_of(each).host for each in first.routes] == [host]
        assert first.matches == ({},)
    assert shares_of(decisions(objects, tmp_path)) == {"v2": 1}
    name = "app.kubernetes.io/name"
    own = f"labels: {{{name}: {labels[name]}}}"
    assert shares_of(decisions(objects, tmp_path, own)) == {"v1": 1}


def test_other_weights_change_the_virtual_service_alone() -> None:
    """No routing file, no pod: the gateway follows within seconds."""
    before, after = chain(90, 10), chain(50, 50)
    changed = [
        (one["kind"], one["metadata"]["name"])
        for one, other in zip(before, after, strict=True)
        if one != other
    ]
    assert changed == [("VirtualService", "b")]


def test_the_pods_may_read_that_object_and_no_other() -> None:
    objects = chain()
    (role,) = (each for name, each in named(objects, "Role").items() if name.endswith("-follow"))
    (rule,) = rules_of(role)
    assert (rule.plural, rule.names, rule.verbs) == (
        "virtualservices",
        frozenset({"b"}),
        frozenset({"get", "list", "watch"}),
    )
    assert role["metadata"]["namespace"] == "shop"
    pod = gateway_deployment(objects)["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"]
    (binding,) = (
        each for name, each in named(objects, "RoleBinding").items() if name.endswith("-follow")
    )
    assert [each["name"] for each in binding["subjects"]] == [pod["serviceAccountName"]]


def test_the_chain_is_the_same_but_for_the_subsets_of_b() -> None:
    """Each host of B has the pods of one version alone."""
    following, splitting = chain(), rendered_chain()
    assert named(following, "Service") == named(splitting, "Service")
    assert found(following, "VirtualService", "c") == found(splitting, "VirtualService", "c")
    rules = found(following, "VirtualService", "b")["spec"]["http"]
    destinations = [each["destination"] for rule in rules for each in rule["route"]]
    assert {json.dumps(each) for each in destinations} == {'{"host": "b"}', '{"host": "b1"}'}


def test_what_is_rendered_as_a_value_set_is_what_users_are_given() -> None:
    assert (CHAIN_CHART / "ci" / "follow.yaml").read_text() == FOLLOW.read_text()


def test_the_notes_say_who_has_the_weights() -> None:
    text = notes([], FOLLOW, of=CHAIN_CHART)
    assert "A -> B or B1, by the VirtualService b, which the gateway follows: 90 v1, 10 v2." in text


WITHOUT_WEIGHTS: Final = "values: mesh.split: all weights are 0"
REFUSED: Final[list[tuple[list[Any], list[str], str]]] = [
    ([FOLLOW], ["mesh.enabled=false"], "there is no VirtualService b without mesh.enabled"),
    ([FOLLOW], ["mesh.split.canray=1"], 'values: mesh.split: no version is called "canray"'),
    ([FOLLOW], ["mesh.split.stable=0", "mesh.split.canary=0"], WITHOUT_WEIGHTS),
    ([FOLLOW], ["mesh.split.stable=-1"], "mesh/split"),
    ([FOLLOW], ["gateway.routes[0].follow.virtualService=c"], "needs virtualService: b"),
    ([FOLLOW], ["gateway.routes[0].follow.virtualService=other/b"], "needs virtualService: b"),
    ([], [*follows(), "chain.mode=queues"], "there is no VirtualService b: give the route a split"),
    ([], [*follows(), "gateway.routes[0].split.stable=1"], "cannot stand beside `split`"),
    ([], ["mesh.split.stable=1"], "values: mesh.split: does nothing: the weights are"),
    (
        [],
        [*follows(), *follows(1, "orders-c", "c"), "secondRoute=orders-c"],
        "no object of the mesh decides who gets what is for C",
    ),
]


@pytest.mark.parametrize(("values", "sets", "words"), REFUSED)
def test_what_cannot_be_followed_is_refused(
    values: list[Path], sets: list[str], words: str
) -> None:
    assert words in refusal(CHAIN_CHART, *values, sets=sets)


def test_the_object_may_be_named_with_its_namespace(tmp_path: Path) -> None:
    with_namespace = ["gateway.routes[0].follow.virtualService=shop/b", "mesh.split.stable=0"]
    objects = rendered_chain(FOLLOW, sets=[*follows(), *with_namespace])
    assert named(objects, "Role") == named(chain(), "Role")
    assert shares_of(decisions(objects, tmp_path)) == {"v2": 1}


def test_the_command_of_the_readme_renders_with_its_weights(tmp_path: Path) -> None:
    """And the pod of the second command is that gateway's."""
    text = (CHAIN_CHART / "README.md").read_text()
    command = next(line for line in text.splitlines() if "values-follow.yaml --set" in line)
    files = [ROOT / each for each in re.findall(r"--values (\S+)", command)]
    objects = render(CHAIN_CHART, *files, sets=re.findall(r"--set (\S+)", command), release="chain")
    assert are_near(shares_of(decisions(objects, tmp_path)), shares({"v1": 50, "v2": 50}))
    assert f"exec deployment/{gateway_deployment(objects)['metadata']['name']} " in text
