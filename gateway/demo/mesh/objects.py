"""The chain's Kubernetes and Istio objects as a sidecar sees them: hosts, pods, rules of a caller.

On a cluster istiod does this. Here it is for the demo and the tests, and knows only the fields that
this project's files use: any other one is an error, so that no rule is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Object = dict[str, Any]
"""One Kubernetes object or a part of it, as YAML gives it."""

KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "VirtualService": frozenset({"hosts", "http"}),
    "rule": frozenset({"name", "match", "route", "timeout", "retries"}),
    "match": frozenset({"name", "headers", "sourceLabels"}),
    "condition": frozenset({"exact", "prefix", "regex"}),
    "retries": frozenset({"attempts", "perTryTimeout", "retryOn"}),
    "route": frozenset({"destination", "weight", "headers"}),
    "destination": frozenset({"host", "subset", "port"}),
    "headers": frozenset({"request"}),
    "request": frozenset({"set"}),
    "DestinationRule": frozenset({"host", "subsets"}),
    "subset": frozenset({"name", "labels"}),
}
"""The known fields, by place, of https://istio.io/latest/docs/reference/config/networking/"""


class MeshError(ValueError):
    """The objects do not fit together, or have a field that is not known here."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host, or one subset of it: where a request may be sent."""

    host: str
    subset: str = ""

    @property
    def cluster(self) -> str:
        """Its cluster name as istiod writes it, without port and domain."""
        return f"outbound|{self.subset}|{self.host}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One HTTP rule for a caller: `matches` on headers are alternatives; an empty one is any."""

    matches: tuple[Mapping[str, Object], ...]
    routes: tuple[Object, ...]
    timeout: str | None = None
    retries: Object | None = None


@dataclass(frozen=True, slots=True)
class Mesh:
    """The state of istiod: selectors, labels of running pods, rules and subsets, each by host."""

    selectors: dict[str, Mapping[str, str]] = field(default_factory=dict)
    pods: dict[str, Mapping[str, str]] = field(default_factory=dict)
    rules: dict[str, Sequence[Object]] = field(default_factory=dict)
    subsets: dict[Target, Mapping[str, str]] = field(default_factory=dict)

    def endpoints(self, target: Target) -> list[str]:
        """Return the workloads with pods of a target; raises MeshError for an unknown target."""
        if target.host not in self.selectors:
            raise MeshError(f"no Service is called {target.host}")
        wanted = dict(self.selectors[target.host])
        if target.subset:
            if target not in self.subsets:
                raise MeshError(f"no DestinationRule of {target.host} has subset {target.subset}")
            wanted |= self.subsets[target]
        return [name for name, labels in self.pods.items() if wanted.items() <= labels.items()]

    def seen_by(self, labels: Mapping[str, str], host: str) -> Iterator[Rule]:
        """Return the rules that the sidecar of a pod with these labels applies to a host.

        `sourceLabels` are evaluated here, since a sidecar knows the labels of its pod; rules for
        other pods are left out.
        """
        for rule in self.rules.get(host, ({"route": [{"destination": {"host": host}}]},)):
            matches = [m for m in rule.get("match", ({},)) if _is_source(labels, m)]
            if matches:
                left = tuple(match.get("headers", {}) for match in matches)
                routes = tuple(rule["route"])
                yield Rule(left, routes, rule.get("timeout"), rule.get("retries"))


def read_mesh(objects: Iterable[Object]) -> Mesh:
    """Return the mesh of Services, Deployments, VirtualServices and DestinationRules.

    Other objects are ignored. Raises MeshError for a field that is not known.
    """
    mesh = Mesh()
    for one in objects:
        name, spec = one["metadata"]["name"], one.get("spec", {})
        match one["kind"]:
            case "Service":
                mesh.selectors[name] = spec["selector"]
            case "Deployment" if spec.get("replicas", 1):
                mesh.pods[name] = spec["template"]["metadata"]["labels"]
            case "VirtualService":
                _check("VirtualService", spec)
                mesh.rules.update(
                    (host, [_checked(r) for r in spec["http"]]) for host in spec["hosts"]
                )
            case "DestinationRule":
                _check("DestinationRule", spec)
                mesh.subsets.update(_subsets(spec))
            case _:
                pass
    return mesh


def demo_mesh() -> Mesh:
    """Return the demo's mesh: the default of charts/canary-chain, reduced to what is read."""
    text = files(__package__).joinpath("mesh.yaml").read_text("utf-8")
    return read_mesh(yaml.safe_load_all(text))


def target_of(route: Object) -> Target:
    """Return the target of a route."""
    destination = route["destination"]
    return Target(destination["host"], destination.get("subset", ""))


def _is_source(labels: Mapping[str, str], match: Object) -> bool:
    wanted: Mapping[str, str] = match.get("sourceLabels", {})
    return wanted.items() <= labels.items()


def _subsets(spec: Object) -> Iterator[tuple[Target, Mapping[str, str]]]:
    for subset in spec.get("subsets", ()):
        _check("subset", subset)
        yield Target(spec["host"], subset["name"]), subset["labels"]


def _checked(rule: Object) -> Object:
    _check("rule", rule)
    _check("retries", rule.get("retries", {}))
    for match in rule.get("match", ()):
        _check("match", match)
        for condition in match.get("headers", {}).values():
            _check("condition", condition)
    for route in rule["route"]:
        _check("route", route)
        _check("destination", route["destination"])
        _check("headers", route.get("headers", {}))
        _check("request", route.get("headers", {}).get("request", {}))
    return rule


def _check(place: str, part: Mapping[str, Any]) -> None:
    unknown = part.keys() - KNOWN[place]
    if unknown:
        raise MeshError(f"{place}: {', '.join(sorted(unknown))} is not understood here")
