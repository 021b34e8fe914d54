"""A Lease is taken by one replica, and by another one only after it was left alone for 15 s."""

from __future__ import annotations

from typing import Any

import pytest
from tools.kube_api.objects import ObjectStore

from gateway.adapters.kubernetes.resource import leases
from gateway.adapters.state.lease import Lease, is_free, taken
from tests.fakes.kube_client import FakeKubernetesClient, kind_of


@pytest.mark.parametrize("spec", [{}, {"holderIdentity": ""}, {"holderIdentity": None}])
def test_a_lease_without_a_holder_is_free(spec: dict[str, Any]) -> None:
    """As the chart renders it, or as a holder leaves it."""
    assert is_free(spec, "a", 0.0)


def test_a_holder_may_renew_at_any_time() -> None:
    assert is_free({"holderIdentity": "a"}, "a", 0.0)


@pytest.mark.parametrize(("seconds", "free"), [(0.0, False), (14.9, False), (15.0, True)])
def test_another_replica_s_is_free_after_15_s_without_a_change(
    seconds: float, *, free: bool
) -> None:
    assert is_free({"holderIdentity": "b"}, "a", seconds) is free


def test_taking_it_counts_a_transition_and_renewing_it_does_not() -> None:
    first = taken({}, "a", "t1")
    assert first == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "t1",
        "renewTime": "t1",
        "leaseTransitions": 1,
    }
    renewed = taken(first, "a", "t2")
    assert renewed == {**first, "renewTime": "t2"}
    assert taken(renewed, "b", "t3")["leaseTransitions"] == 2


@pytest.mark.parametrize("spec", ["x", 5, ["x"], None, {"holderIdentity": ["x"]}])
async def test_a_lease_with_an_odd_spec_ends_nothing(spec: Any) -> None:
    objects = ObjectStore()
    client: Any = FakeKubernetesClient(objects)
    resource = leases("shop").named("state")
    objects.create(kind_of(resource), {"metadata": {"name": "state"}, "spec": spec})
    lease = Lease(client, resource, "a", lambda: 0.0)
    await lease.look()
    await lease.release()
    assert not lease.is_held()


def test_what_others_keep_in_it_stays() -> None:
    assert taken({"strategy": "x", "leaseTransitions": "odd"}, "a", "t")["strategy"] == "x"
