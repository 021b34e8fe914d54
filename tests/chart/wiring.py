"""Whether objects of one rendering fit together: what one names, another is.

A schema takes a Service that selects nothing, a mount of a volume that is not there, or a
VirtualService to a subset that nobody defines. A cluster takes them too, and then nothing works.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.chart.pods import Pods, pods_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.chart.rendering import Object

LABEL_NAME: Final = re.compile(
    r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
DNS_LABEL: Final = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
DNS_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
MADE_BY_CLUSTER: Final = frozenset({("ServiceAccount", "default")})


def problems(
    objects: Iterable[Object], given: frozenset[tuple[str, str]] = frozenset()
) -> list[str]:
    """Return what does not fit, with the object's name.

    `given` are the (kind, name) that the value set expects the user to have made.
    """
    rendered = list(objects)
    all_pods = pods_of(rendered)
    present = {(each["kind"], each["metadata"]["name"]) for each in rendered}
    found = list(_twice(rendered))
    for pods in all_pods:
        found += [
            f"{pods.owner}: {each}" for each in _pods(pods, present | given | MADE_BY_CLUSTER)
        ]
    for each in rendered:
        name = f"{each['kind']} {each['metadata']['name']}"
        found += [f"{name}: {problem}" for problem in _names(each)]
        found += [f"{name}: {problem}" for problem in _object(each, rendered, all_pods, present)]
        found += [f"{name}: {problem}" for problem in _binding(each, present | given)]
    return found


def _twice(objects: list[Object]) -> Iterator[str]:
    seen = set()
    for each in objects:
        key = (each["apiVersion"], each["kind"], each["metadata"]["name"])
        if key in seen:
            yield f"{key[1]} {key[2]}: is there twice"
        seen.add(key)


def _names(thing: Object) -> Iterator[str]:
    name = thing["metadata"]["name"]
    if not (DNS_LABEL if thing["kind"] == "Service" else DNS_NAME).fullmatch(name):
        yield "the name is none that Kubernetes takes"
    labels = list((thing["metadata"].get("labels") or {}).items())
    labels += [item for pods in pods_of([thing]) for item in pods.labels.items()]
    for key, value in labels:
        if not LABEL_NAME.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
            yield f"label {key}: {value} is none that Kubernetes takes"


def _pods(pods: Pods, present: frozenset[tuple[str, str]] | set[tuple[str, str]]) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pods.spec.get("volumes") or ()}
    account = pods.spec.get("serviceAccountName")
    wanted = [("ServiceAccount", account)] if account else []
    wanted += [need for volume in volumes.values() for need in _volume_needs(volume)]
    for container in pods.containers():
        mounts = container.get("volumeMounts") or ()
        yield from (f"no volume {m['name']}" for m in mounts if m["name"] not in volumes)
        paths = [mount["mountPath"] for mount in mounts]
        yield from (f"two mounts at {path}" for path in set(paths) if paths.count(path) > 1)
        wanted += _environment_needs(container)
        yield from _environment(container)
        yield from _probes(container)
    yield from (
        f"there is no {kind} {name}" for kind, name in wanted if (kind, name) not in present
    )


def _volume_needs(volume: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "configMap" in volume and not volume["configMap"].get("optional"):
        yield "ConfigMap", volume["configMap"]["name"]
    if "secret" in volume and not volume["secret"].get("optional"):
        yield "Secret", volume["secret"]["secretName"]


def _environment_needs(container: dict[str, Any]) -> list[tuple[str, str]]:
    sources = [each.get("valueFrom") or {} for each in container.get("env") or ()]
    sources += container.get("envFrom") or ()
    kinds = {"configMapKeyRef": "ConfigMap", "configMapRef": "ConfigMap"}
    kinds |= {"secretKeyRef": "Secret", "secretRef": "Secret"}
    return [
        (kind, source[key]["name"])
        for source in sources
        for key, kind in kinds.items()
        if key in source and not source[key].get("optional")
    ]


def _environment(container: dict[str, Any]) -> Iterator[str]:
    names = [each["name"] for each in container.get("env") or ()]
    yield from (f"{name} is set twice" for name in sorted(set(names)) if names.count(name) > 1)


def _probes(container: dict[str, Any]) -> Iterator[str]:
    ports = {port.get("name") for port in container.get("ports") or ()}
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        port = ((container.get(kind) or {}).get("httpGet") or {}).get("port")
        if isinstance(port, str) and port not in ports:
            yield f"{kind} asks for port {port}, which the container does not name"


def _object(
    thing: Object, rendered: list[Object], pods: list[Pods], present: set[tuple[str, str]]
) -> Iterator[str]:
    spec = thing.get("spec") or {}
    match thing["kind"]:
        case "Deployment":
            yield from _own_selector(spec)
        case "Service":
            yield from _service(spec, pods)
        case "PodDisruptionBudget":
            yield from _selects(spec["selector"].get("matchLabels"), [each.labels for each in pods])
        case "NetworkPolicy":
            yield from _selects(spec["podSelector"].get("matchLabels"), [p.labels for p in pods])
        case "ServiceMonitor":
            yield from _monitor(spec, rendered)
        case "HorizontalPodAutoscaler" | "ScaledObject":
            target = spec["scaleTargetRef"]
            key = (target.get("kind", "Deployment"), target["name"])
            if key not in present:
                yield f"there is no {key[0]} {key[1]}"
        case "VirtualService":
            yield from _subsets(spec, rendered)
        case _:
            pass


def _binding(thing: Object, present: set[tuple[str, str]]) -> Iterator[str]:
    if thing["kind"] == "RoleBinding":
        for each in (thing["roleRef"], *thing["subjects"]):
            key = (each["kind"], each["name"])
            if key not in present | MADE_BY_CLUSTER:
                yield f"there is no {key[0]} {key[1]}"


def _own_selector(spec: dict[str, Any]) -> Iterator[str]:
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if not _matches(spec["selector"].get("matchLabels") or {}, labels):
        yield "its selector does not match its own pods"


def _service(spec: dict[str, Any], pods: list[Pods]) -> Iterator[str]:
    if not spec.get("selector"):
        return
    chosen = [each for each in pods if _matches(spec["selector"], each.labels)]
    if not chosen:
        yield "selects no pod"
    for port in spec.get("ports") or ():
        target = port.get("targetPort", port["port"])
        for each in chosen:
            named = each.ports()
            if target not in (named if isinstance(target, str) else named.values()):
                yield f"port {target}: {each.owner} has none"


def _monitor(spec: dict[str, Any], rendered: list[Object]) -> Iterator[str]:
    services = [each for each in rendered if each["kind"] == "Service"]
    wanted = spec["selector"].get("matchLabels") or {}
    chosen = [s for s in services if _matches(wanted, s["metadata"].get("labels") or {})]
    if not chosen:
        yield "selects no Service"
    for endpoint in spec["endpoints"]:
        for service in chosen:
            ports = {port.get("name") for port in service["spec"]["ports"]}
            if "port" in endpoint and endpoint["port"] not in ports:
                yield f"Service {service['metadata']['name']} has no port {endpoint['port']}"


def _subsets(spec: dict[str, Any], rendered: list[Object]) -> Iterator[str]:
    rules = [each["spec"] for each in rendered if each["kind"] == "DestinationRule"]
    defined = {(r["host"], s["name"]) for r in rules for s in r.get("subsets") or ()}
    for route in spec.get("http") or ():
        for one in route.get("route") or ():
            key = (one["destination"]["host"], one["destination"].get("subset"))
            if key[1] and key not in defined:
                yield f"no DestinationRule defines subset {key[1]} of {key[0]}"


def _selects(selector: Mapping[str, str] | None, candidates: list[dict[str, str]]) -> Iterator[str]:
    if selector and not any(_matches(selector, labels) for labels in candidates):
        yield "selects no pod"


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()
