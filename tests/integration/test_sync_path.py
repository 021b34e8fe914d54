"""Requests by a real Envoy and messages by the gateway, side by side: both canary alike.

The chart's own Deployments run as processes; Envoy routes by the chart's own VirtualServices and
DestinationRules. What stands in for the cluster: gateway/demo/mesh/objects.py for istiod, ports for
names.
"""

from __future__ import annotations

import copy
import socket
from typing import TYPE_CHECKING, Any

import pytest

from gateway.demo.audit import PATHS, Defect
from tests.chart.chain import KUSTOMIZE, found, kustomized, rendered_chain
from tests.integration.chain_processes import ChainProcesses
from tests.integration.children import LOOPBACK, free_port
from tests.integration.side_by_side import pinned, send_side_by_side, unpinned
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.demo.audit import Audit
    from tests.chart.rendering import Object
    from tests.integration.emulator import EmulatedSqs

pytestmark = pytest.mark.timeout(300)

WEIGHTS = {"stable": 95, "canary": 5}
MESSAGES = 540
"""Of these names the hash gives 5.0 % to the canary, so all tolerance is left to Envoy's dice."""
REQUESTS = 2_000
"""Then dice stray by 2.5 points of 5 % in one of 1.6 million runs (binomial: 6.2e-7)."""
TOLERANCE = 0.025


@pytest.fixture(scope="module")
def by_source_labels(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """The chain with 5 in 100 for the canary, which B1 reaches C1 from by its pods' labels."""
    return rendered(tmp_path_factory)


@pytest.fixture(scope="module")
def by_header(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    return rendered(tmp_path_factory, "mesh.by=header")


@pytest.fixture(scope="module")
def chain(
    by_source_labels: list[Object], emulator: EmulatedSqs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChainProcesses]:
    emulator.create("orders")
    folder = tmp_path_factory.mktemp("chain")
    with ChainProcesses(by_source_labels, folder, emulator.endpoint) as chain:
        yield chain


def rendered(factory: pytest.TempPathFactory, *sets: str) -> list[Object]:
    values = factory.mktemp("values") / "values.yaml"
    values.write_text(
        f"""
gateway:
  routes:
    - name: orders
      queue: orders
      versions:
        stable: {{url: "http://b:8080/events", tag: v1}}
        canary: {{url: "http://b1:8080/events", tag: v2}}
      split: {WEIGHTS}
      sticky: body:order
"""
    )
    return rendered_chain(values, sets=["gateway.fullnameOverride=sqs-version-gateway", *sets])


def assert_clean(account: Audit) -> None:
    """Nothing lost, doubled, crossed or misrouted, and no path but the two of the chain."""
    assert {defect: orders for defect, orders in account.defects.items() if orders} == {}
    assert {path.path for path in account.paths} == set(PATHS.values())


def changed(objects: list[Object], name: str, rule: int, **fields: Any) -> list[Object]:
    """Return the objects with other fields in one rule of a VirtualService."""
    others = copy.deepcopy(objects)
    found(others, "VirtualService", name)["spec"]["http"][rule].update(fields)
    return others


def weights_in_force(chain: ChainProcesses, admin: str) -> dict[str, int]:
    """Return the weights that Envoy itself reports for what A sends to b, by cluster."""
    dump = chain.client.get(f"{admin}/config_dump").json()
    clusters = [one for one in weighted(dump) if one]
    assert all(one == clusters[0] for one in clusters)
    return {one["name"]: one["weight"] for one in clusters[0]}


def weighted(part: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield every list of weighted clusters, wherever it stands."""
    if isinstance(part, dict):
        if "weighted_clusters" in part:
            yield part["weighted_clusters"]["clusters"]
        for value in part.values():
            yield from weighted(value)
    elif isinstance(part, list):
        for value in part:
            yield from weighted(value)


def test_by_source_labels_both_ways_split_alike_and_none_crosses(
    chain: ChainProcesses, by_source_labels: list[Object]
) -> None:
    """The gateway has no sidecar here; B and B1 call the same URL and hand nothing of it on."""
    chain.reload(chain.routing())
    with chain.in_mesh(by_source_labels):
        accounts = send_side_by_side(
            chain,
            unpinned(MESSAGES, "message") + pinned(20, "message", "v2"),
            unpinned(REQUESTS, "request") + pinned(20, "request", "v2"),
        )
    assert_clean(accounts.messages)
    assert_clean(accounts.requests)
    by_queue, by_mesh = accounts.share("v2")
    assert abs(by_queue - by_mesh) <= TOLERANCE, (by_queue, by_mesh)
    assert abs(by_queue - 0.05) < 1 / MESSAGES


def test_by_header_with_the_gateway_in_the_mesh_none_crosses_either(
    chain: ChainProcesses, by_header: list[Object]
) -> None:
    """Half of all is pinned, so that both paths are well used."""
    chain.reload(chain.routing(in_mesh=True))
    with chain.in_mesh(by_header):
        orders = {
            kind: unpinned(200, kind) + pinned(100, kind, "v1") + pinned(100, kind, "v2")
            for kind in ("message", "request")
        }
        accounts = send_side_by_side(chain, orders["message"], orders["request"])
    for account in (accounts.messages, accounts.requests):
        assert_clean(account)
        assert {path.path: path.pinned for path in account.paths} == dict.fromkeys(
            PATHS.values(), 100
        )


def test_gateway_and_envoy_have_the_very_same_weights_in_force(
    chain: ChainProcesses, by_source_labels: list[Object]
) -> None:
    chain.reload(chain.routing())
    with chain.in_mesh(by_source_labels) as admin:
        (route,) = chain.gateway.get("/api/routes")["routes"]
        ours = {version["tag"]: version["weight"] for version in route["versions"]}
        theirs = weights_in_force(chain, admin)
    assert theirs == {"outbound|v1|b": ours["v1"], "outbound|v2|b1": ours["v2"]}
    assert list(ours.values()) == list(WEIGHTS.values())


@pytest.mark.parametrize("by", ["sourceLabels", "header"])
def test_a_wrong_rule_is_seen_as_crossing(
    chain: ChainProcesses, by_source_labels: list[Object], by_header: list[Object], by: str
) -> None:
    """The tests above can fail: with a slip in the rule for c every canary order crosses."""
    match by:
        case "sourceLabels":
            slip = [{"sourceLabels": {"app": "b", "version": "v3"}}]
            planted = changed(by_source_labels, "c", 0, match=slip)
        case _:
            slip = [{"headers": {"versoin": {"exact": "v2"}}}]
            planted = changed(by_header, "c", 0, match=slip)
    chain.reload(chain.routing())
    with chain.in_mesh(planted):
        accounts = send_side_by_side(
            chain, pinned(20, "message", "v2"), pinned(20, "request", "v2")
        )
    for account in (accounts.messages, accounts.requests):
        assert len(account.defects[Defect.CROSSED]) == 20
        assert [p.path for p in account.paths if p.pinned] == [("A", "B1", "C", "D")]


def test_wrong_weights_are_seen(chain: ChainProcesses, by_source_labels: list[Object]) -> None:
    (_, _, _, split) = found(by_source_labels, "VirtualService", "b")["spec"]["http"]
    swapped = copy.deepcopy(split["route"])
    swapped[0]["weight"], swapped[1]["weight"] = 50, 50
    with chain.in_mesh(changed(by_source_labels, "b", 3, route=swapped)):
        accounts = send_side_by_side(chain, [], unpinned(200, "request"))
    assert not any(share.plausible for share in accounts.requests.shares)


def test_a_dead_canary_is_a_503_of_the_sidecar_and_unavailable_leads_past_it(
    chain: ChainProcesses, by_source_labels: list[Object]
) -> None:
    """The fallback comes to B though its header says v2: the mesh leaves the gateway's choice."""
    dead = [
        one for one in by_source_labels if one is not found(by_source_labels, "Deployment", "b1")
    ]
    fallback = {"on": ["unreachable", "not_found", "unavailable"]}
    chain.reload(chain.routing(in_mesh=True, fallback=fallback))
    with chain.in_mesh(dead):
        answer = chain.client.post(chain.sidecar_url("gateway", "b1"), json={})
        assert (answer.status_code, answer.text) == (503, "no healthy upstream")
        before = len(chain.sightings())
        sent = {"order": "late"}, {"version": "v2"}
        chain.client.post(chain.url("a", "/orders"), json=sent[0], headers=sent[1])
        (seen,) = until(lambda: chain.sightings(before), "the order to come to D")
    assert (seen["path"], seen["version"]) == (["A", "B", "C", "D"], "v2")
    key = {"route": "orders", "version": "canary", "outcome": "fallback"}
    assert chain.gateway.metric("gateway_deliveries_total", **key) == 1


def test_without_unavailable_a_dead_canary_behind_a_sidecar_is_no_unreachable_one(
    chain: ChainProcesses, by_source_labels: list[Object]
) -> None:
    """The default list has `unreachable`, which a sidecar hides: the message is retried instead."""
    dead = [
        one for one in by_source_labels if one is not found(by_source_labels, "Deployment", "b1")
    ]
    retry = {"min": "1s", "max": "1s"}
    chain.reload(chain.routing(in_mesh=True, retry=retry, fallback={"after_receives": 1}))
    with chain.in_mesh(dead):
        before = len(chain.sightings())
        headers = {"version": "v2"}
        chain.client.post(chain.url("a", "/orders"), json={"order": "slow"}, headers=headers)
        (seen,) = until(lambda: chain.sightings(before), "the order to come to D")
    assert seen["path"] == ["A", "B", "C", "D"]
    key = {"route": "orders", "version": "canary", "outcome": "retry"}
    assert chain.gateway.metric("gateway_deliveries_total", **key) == 1


@pytest.mark.parametrize(
    ("listens", "status", "words"),
    [(False, 503, "upstream connect error"), (True, 504, "upstream request timeout")],
)
def test_a_sidecar_puts_its_own_answer_in_place_of_a_broken_services(
    chain: ChainProcesses, by_source_labels: list[Object], status: int, words: str, *, listens: bool
) -> None:
    """So `unreachable` and `timeout` are not seen in the mesh, but `unavailable` and `error`."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        port = silent.getsockname()[1] if listens else free_port()
        with chain.in_mesh(changed(by_source_labels, "b1", 0, timeout="0.2s"), b1=port):
            answer = chain.client.post(chain.sidecar_url("gateway", "b1"), json={})
    assert answer.status_code == status
    assert answer.text.startswith(words)
    assert "retry-after" not in answer.headers


OVERLAYS = {path.name for path in (KUSTOMIZE / "overlays").iterdir()} - {"queues"}
"""In `queues` nobody is called but D, and there is no mesh to take."""


@pytest.mark.parametrize("overlay", sorted(OVERLAYS))
def test_envoy_takes_the_mesh_of_every_overlay(chain: ChainProcesses, overlay: str) -> None:
    with chain.in_mesh(kustomized(f"overlays/{overlay}")) as admin:
        listeners = chain.client.get(f"{admin}/listeners?format=json").json()["listener_statuses"]
    gone = 2 if overlay == "canary-removed" else 0  # B1 and C1 call nobody: they have no pods
    assert len(listeners) == len(chain.calls) - gone
