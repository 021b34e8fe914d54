"""The chain as its users make it: by helm, or by kustomize."""

from __future__ import annotations

import os
import pickle
import subprocess
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final

from gateway.config import loader
from tests.chart import documents, schemas, tools
from tests.chart.rendering import CHARTS, ROOT, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.core.routing.route import Route
    from tests.chart.rendering import Object

CHAIN_CHART: Final = CHARTS / "canary-chain"
KUSTOMIZE: Final = ROOT / "config" / "kustomize"
SERVICES: Final = ("a", "b", "b1", "c", "c1", "d")


def rendered_chain(*values: Path, sets: Sequence[str] = ()) -> list[Object]:
    """Return the objects of the chain and of its gateway."""
    return render(CHAIN_CHART, *values, sets=sets)


def kustomized(folder: str) -> list[Object]:
    """Return the objects that `kubectl kustomize` makes of a folder below config/kustomize.

    A folder is built once; each caller has objects of its own.
    """
    objects: list[Object] = pickle.loads(_kustomized(folder))
    return objects


@cache
def _kustomized(folder: str) -> bytes:
    told = _run([str(tools.kubectl()), "kustomize", str(KUSTOMIZE / folder)])
    return pickle.dumps([one for one in documents.load_all(told) if one])


def all_problems(objects: Iterable[Object]) -> list[str]:
    """Return what an API server would refuse."""
    return [problem for one in objects for problem in schemas.problems(one)]


def found(objects: Iterable[Object], kind: str, name: str) -> Object:
    """Return the one object of that kind and name."""
    (one,) = (o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name))
    return one


def named(objects: Iterable[Object], kind: str) -> dict[str, Object]:
    """Return all objects of a kind by name."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def gateway_deployment(objects: Iterable[Object]) -> Object:
    """Return the gateway's own Deployment."""
    (one,) = (d for name, d in named(objects, "Deployment").items() if "gateway" in name)
    return one


def routing_text(objects: Iterable[Object]) -> str:
    """Return the routing file that the gateway's pods read."""
    (text,) = (
        m["data"]["routes.yaml"]
        for m in named(objects, "ConfigMap").values()
        if "routes.yaml" in m.get("data", {})
    )
    return str(text)


def routes(objects: Iterable[Object]) -> dict[str, Route]:
    """Return the routes by name, read by the gateway's own loader."""
    read = loader.load(routing_text(objects).encode(), "routes.yaml").routes
    return {route.name: route for route in read}


def only_route(objects: Iterable[Object]) -> Route:
    """Return the one route."""
    (route,) = routes(objects).values()
    return route


def split_weights(objects: Iterable[Object]) -> dict[str, int]:
    """Return the mesh's weights for B by version, as the last rule has them."""
    *_, last = found(objects, "VirtualService", "b")["spec"]["http"]
    return {route["destination"]["subset"]: route["weight"] for route in last["route"]}


def weights_by_tag(route: Route) -> dict[str, int]:
    """Return the gateway's weights by version; a version without one has 0."""
    weights = dict(route.weights)
    return {version.tag: weights.get(version.name, 0) for version in route.versions}


def shares(weights: Mapping[str, int]) -> dict[str, Fraction]:
    """Return each one's part of the whole, but for those that have none."""
    return {n: Fraction(weight, sum(weights.values())) for n, weight in weights.items() if weight}


def arguments(deployment: Object) -> list[str]:
    """Return the arguments of a pod's only container."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return list(container["args"])


def option(deployment: Object, name: str) -> str | None:
    """Return the value of an option of a pod's only container; None where it has none."""
    found = [one for one in arguments(deployment) if one.startswith(f"--{name}=")]
    return found[0].partition("=")[2] if found else None


def environment(objects: Iterable[Object], name: str) -> dict[str, str]:
    """Return the environment of a Deployment's only container."""
    (container,) = named(objects, "Deployment")[name]["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container.get("env", ())}


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | tools.SHORT_LIVED
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout
