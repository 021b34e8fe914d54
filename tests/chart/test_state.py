"""The state of rollouts: which objects keep it, who may touch them, and what an upgrade leaves."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio
import yaml

from gateway.adapters.kubernetes.access import in_cluster
from gateway.adapters.kubernetes.client import KubernetesClient
from gateway.adapters.state.kubernetes import KubernetesStore
from gateway.demo.kubernetes.objects import Kind
from gateway.demo.kubernetes.script import rules_of
from gateway.state_port import StateError
from tests.chart.chain import kustomized
from tests.chart.notes import notes
from tests.chart.rendering import GATEWAY_CHART, ROOT, refusal, render
from tests.contract.state_stores import ONES, following, set_to
from tools.kube_api.running import NAMESPACE, Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from tests.chart.rendering import Object

MAPS: Final = Kind("", "v1", "configmaps", NAMESPACE)
LEASES: Final = Kind("coordination.k8s.io", "v1", "leases", NAMESPACE)
BY_CHART: Final = "demo-sqs-version-gateway"
BY_KUSTOMIZE: Final = "sqs-version-gateway"
KINDS: Final = ("ConfigMap", "Lease", "Role", "RoleBinding")
ON_A_VOLUME: Final = (
    "state=file:/var/lib/gateway/state.json",
    "extraVolumes[0].name=state",
    "extraVolumes[0].persistentVolumeClaim.claimName=state",
    "extraVolumeMounts[0].name=state",
    "extraVolumeMounts[0].mountPath=/var/lib/gateway",
)


def named(objects: Iterable[Object], kind: str, name: str) -> Object:
    """Return the one object of a kind and name."""
    (found,) = (o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name)
    return found


def state_objects(objects: Iterable[Object]) -> set[str]:
    """Return the kinds of the objects that the state needs and that are there."""
    kept = [one for one in objects if one["kind"] in KINDS and "data" not in one]
    return {one["kind"] for one in kept}


def pod_of(objects: Iterable[Object]) -> Any:
    (pod,) = (one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment")
    return pod


def state_of(objects: Iterable[Object]) -> str:
    """Return the setting GATEWAY_STATE of the pods."""
    env = pod_of(objects)["containers"][0]["env"]
    return str(next(one["value"] for one in env if one["name"] == "GATEWAY_STATE"))


@pytest.mark.parametrize("sets", [(), ("fullnameOverride=gateway",)])
def test_by_default_it_is_in_objects_of_the_release_s_name(sets: tuple[str, ...]) -> None:
    objects = render(GATEWAY_CHART, sets=sets)
    kind, _, name = state_of(objects).partition(":")
    assert kind == "kubernetes"
    for each in KINDS:
        assert named(objects, each, name)["metadata"]["namespace"] == "shop"
    assert pod_of(objects)["automountServiceAccountToken"] is True
    account = named(objects, "ServiceAccount", name)
    assert account["automountServiceAccountToken"] is False


@pytest.mark.parametrize("sets", [("state=memory",), (*ON_A_VOLUME, "replicas=1")])
def test_elsewhere_it_needs_neither_objects_nor_a_token(sets: tuple[str, ...]) -> None:
    objects = render(GATEWAY_CHART, sets=[*sets, "strategy.type=Recreate"])
    assert state_of(objects) == sets[0].removeprefix("state=")
    assert state_objects(objects) == set()
    assert pod_of(objects)["automountServiceAccountToken"] is False


def test_a_token_that_is_asked_for_stays() -> None:
    objects = render(GATEWAY_CHART, sets=["state=memory", "serviceAccount.automountToken=true"])
    assert pod_of(objects)["automountServiceAccountToken"] is True


REFUSED: Final = {
    (*ON_A_VOLUME, "strategy.type=Recreate"): "state: is a file, which is for one replica",
    (*ON_A_VOLUME, "replicas=1"): "is a file, and the new pod waits for the old one's lock on it",
    ("state=file:/tmp/state", "replicas=1", "strategy.type=Recreate"): (
        "is a file in no volume, and nothing else can be written (add a volume to extraVolumes, "
        "and its folder /tmp to extraVolumeMounts)"
    ),
    ("existingConfigMap=gateway", "fullnameOverride=gateway"): (
        "existingConfigMap: is the ConfigMap of `state` too"
    ),
    ("state=file:state.json",): "don't meet the specifications of the schema",
    ("state=kubernetes:other",): "don't meet the specifications of the schema",
    ("extraEnv[0].name=GATEWAY_STATE", "extraEnv[0].value=memory"): (
        "extraEnv[0].name: GATEWAY_STATE is set by state too"
    ),
}


@pytest.mark.parametrize("sets", REFUSED, ids=lambda sets: sets[0])
def test_a_state_that_cannot_work_is_refused(sets: tuple[str, ...]) -> None:
    assert REFUSED[sets] in refusal(GATEWAY_CHART, sets=sets)


def test_the_policy_lets_the_pods_reach_the_api_server_for_it() -> None:
    allowed = {
        "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
        "ports": [{"port": 6443, "protocol": "TCP"}],
    }
    place = "networkPolicy.egress.apiServer"
    sets = [
        "networkPolicy.enabled=true",
        f"{place}.cidrs={{10.0.0.1/32}}",
        f"{place}.ports={{6443}}",
    ]
    for state, opened in (("kubernetes", True), ("memory", False)):
        objects = render(GATEWAY_CHART, sets=[*sets, f"state={state}"])
        policy = named(objects, "NetworkPolicy", BY_CHART)
        assert (allowed in policy["spec"]["egress"]) is opened


def test_the_notes_warn_of_rollouts_in_memory() -> None:
    values = GATEWAY_CHART / "ci" / "controllers-values.yaml"
    warned = "each replica judges for itself: orders."
    assert warned in notes(["state=memory"], values)
    assert warned not in notes([], values)
    assert "each replica judges" not in notes(["state=memory"])


def test_a_role_may_be_somebody_else_s() -> None:
    objects = render(GATEWAY_CHART, sets=["rbac.create=false"])
    assert state_objects(objects) == {"ConfigMap", "Lease"}


def rendered(name: str, *sets: str) -> list[Object]:
    return kustomized("gateway") if name == BY_KUSTOMIZE else render(GATEWAY_CHART, sets=sets)


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    """An API server that knows no object and refuses everything."""
    async with served(tmp_path) as running:
        running.api.script.rules = []
        yield running


def install(server: Served, objects: list[Object], name: str) -> None:
    """Create the state's objects, and let in what the Role allows."""
    server.api.objects.create(MAPS, named(objects, "ConfigMap", name))
    server.api.objects.create(LEASES, named(objects, "Lease", name))
    server.api.script.rules = rules_of(named(objects, "Role", name))


def refused(server: Served) -> list[str]:
    """Return the requests that RBAC refused."""
    return [f"{r.verb} {r.plural}" for r in server.api.requests if not server.api.script.allows(r)]


async def working(server: Served, name: str) -> KubernetesStore:
    """Return a store that holds the Lease, and has written a state and its evidence."""
    access = in_cluster(server.environment, server.account)
    store = KubernetesStore(KubernetesClient(access), name)
    try:
        await store.open()
        await store.look()
        await store.update("orders", set_to(5))
        await store.publish({"orders": ONES})
    except StateError:
        await store.close()
        raise
    return store


def verbs_of(server: Served, plural: str) -> set[str]:
    return {one.verb for one in server.api.requests if one.plural == plural}


@pytest.mark.parametrize("name", [BY_CHART, BY_KUSTOMIZE])
async def test_the_role_allows_each_call_that_the_gateway_makes_and_no_other(
    server: Served, name: str
) -> None:
    objects = rendered(name)
    install(server, objects, name)
    store = await working(server, name)
    async with following(store):
        await server.api.requests.wait_for("watch")
        assert store.may_promote()
        assert list(store.problems) == []
    assert refused(server) == []
    for rule in rules_of(named(objects, "Role", name)):
        assert (rule.names, rule.verbs) == ({name}, verbs_of(server, rule.plural))


def test_the_rules_in_the_reference_are_the_chart_s() -> None:
    page = (ROOT / "docs/reference/running.md").read_text()
    (block,) = re.findall(r"```yaml\n(rules:.*?)```", page, re.DOTALL)
    shown = yaml.safe_load(block.replace("NAME", BY_CHART))
    assert shown["rules"] == named(rendered(BY_CHART), "Role", BY_CHART)["rules"]


@pytest.mark.parametrize("missing", ["get", "list", "watch", "patch", "update"])
async def test_a_verb_that_is_missing_would_be_noticed(server: Served, missing: str) -> None:
    objects = rendered(BY_CHART)
    install(server, objects, BY_CHART)
    for rule in (role := named(objects, "Role", BY_CHART))["rules"]:
        rule["verbs"] = [verb for verb in rule["verbs"] if verb != missing]
    server.api.script.rules = rules_of(role)
    with suppress(StateError):
        async with following(await working(server, BY_CHART)):
            await server.api.requests.wait_for("watch" if missing != "list" else "list")
    assert missing in {words.split()[0] for words in refused(server)}


@pytest.mark.parametrize(("sets", "held"), [((), False), (("rbac.createLease=true",), True)])
async def test_a_lease_that_is_left_out_is_created_where_that_is_allowed(
    server: Served, sets: tuple[str, ...], *, held: bool
) -> None:
    """As Argo CD does it, whose default `resource.exclusions` have Leases."""
    objects = rendered(BY_CHART, *sets)
    install(server, objects, BY_CHART)
    server.api.objects.delete(LEASES, BY_CHART)
    store = await working(server, BY_CHART)
    assert store.may_promote() is held
    assert any("create leases" in problem for problem in store.problems) is not held
    await store.close()


async def test_an_upgrade_leaves_the_state_as_it_is(server: Served) -> None:
    """What helm and `kubectl apply` send is at most the manifest, as a merge patch."""
    objects = rendered(BY_CHART)
    install(server, objects, BY_CHART)
    store = await working(server, BY_CHART)
    before = [server.api.objects.get(kind, BY_CHART) for kind in (MAPS, LEASES)]
    for kind, each in ((MAPS, "ConfigMap"), (LEASES, "Lease")):
        manifest = named(rendered(BY_CHART, "commonLabels.team=b"), each, BY_CHART)
        assert manifest.keys() == {"apiVersion", "kind", "metadata"}
        server.api.objects.merge_patch(kind, BY_CHART, manifest)
    after = [server.api.objects.get(kind, BY_CHART) for kind in (MAPS, LEASES)]
    assert [one["metadata"]["labels"]["team"] for one in after if one] == ["b", "b"]
    assert [_content(one) for one in after] == [_content(one) for one in before]
    await store.update("orders", set_to(6))
    assert list(store.problems) == []
    await store.close()


async def test_a_running_gateway_writes_again_what_a_replace_has_emptied(server: Served) -> None:
    """`helm upgrade --force` and `kubectl replace` put the manifest in the object's place."""
    objects = rendered(BY_CHART)
    install(server, objects, BY_CHART)
    store = await working(server, BY_CHART)
    before = _content(server.api.objects.get(MAPS, BY_CHART))["route.orders"]
    async with following(store) as changed:
        await server.api.requests.wait_for("watch")
        changed.clear()
        server.api.objects.update(MAPS, BY_CHART, named(objects, "ConfigMap", BY_CHART))
        await changed.wait()
        await store.look()
        assert _content(server.api.objects.get(MAPS, BY_CHART))["route.orders"] == before


def _content(found: Object | None) -> Any:
    assert found
    return found.get("data") or found["spec"]
