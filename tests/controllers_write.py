"""What Flagger and Argo Rollouts write, by their own code.

https://github.com/fluxcd/flagger/tree/main/pkg/router (istio.go, gateway_api.go), in the order of
pkg/controller/scheduler.go, and
https://github.com/argoproj/argo-rollouts/blob/master/rollout/trafficrouting/istio/istio.go.
Neither can be run here.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Spec = dict[str, Any]
"""The spec of a VirtualService or an HTTPRoute, or a part of one."""


def flagger_service(primary: int, weight: int, *, name: str = "b", **http: Any) -> Spec:
    """The spec that Flagger writes whole, hosts, gateways and all."""
    route = [
        {"destination": {"host": f"{name}-primary"}, "weight": primary},
        {"destination": {"host": f"{name}-canary"}, "weight": weight},
    ]
    rule = {"match": None, "timeout": "15s", "retries": {"attempts": 3}, "route": route}
    return {"hosts": [name], "gateways": ["mesh"], "http": [{**rule, **http}]}


def flagger_route(
    primary: int, weight: int, *more: Spec, name: str = "b", port: int = 8080, **rule: Any
) -> Spec:
    """The spec of an HTTPRoute that Flagger writes whole."""
    backends = [
        {"group": "", "kind": "Service", "name": backend, "port": port, "weight": share}
        for backend, share in ((f"{name}-primary", primary), (f"{name}-canary", weight))
    ]
    weighted = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": []}},
            {"type": "CORS", "cors": {}},
        ],
        "backendRefs": backends,
        **rule,
    }
    parents = [{"group": "", "kind": "Service", "name": name}]
    return {"parentRefs": parents, "hostnames": [f"{name}.example.com"], "rules": [weighted, *more]}


def argo_service(weight: float, *managed: Spec, **more: Any) -> Spec:
    """A user's own VirtualService with the weights that Rollouts patches, as floats."""
    route = [{"destination": {"host": f"b-{role}"}, "weight": 0} for role in ("stable", "canary")]
    spec = {
        "hosts": ["b", "b.example.com"],
        "gateways": ["mesh", "edge"],
        "http": [{"name": "primary", "route": route}],
    }
    return argo_weights(spec, weight, *managed, **more)


def argo_weights(spec: Spec, weight: float, *managed: Spec, others: tuple[Spec, ...] = ()) -> Spec:
    """The spec with other weights, which may be those of a user's route `primary`.

    `managed` are routes that it puts first, `others` the destinations of an experiment, whose
    shares are taken from stable's.
    """
    written = deepcopy(spec)
    (primary,) = (each for each in written["http"] if each.get("name") == "primary")
    stable, canary, *_ = primary["route"]
    taken = sum(each["weight"] for each in others)
    stable["weight"], canary["weight"] = 100.0 - weight - taken, float(weight)
    primary["route"] = [stable, canary, *others]
    written["http"] = [*managed, *written["http"]]
    return written
