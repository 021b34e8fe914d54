"""The pods that a chart makes: their templates, wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.chart.rendering import Object

WITH_PODS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})


class Pods(NamedTuple):
    """The pods of one object: its name for people, their labels, annotations and spec."""

    owner: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]

    def containers(self) -> Iterator[dict[str, Any]]:
        """Yield every container, those that initialise included."""
        for key in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(key) or ()

    def ports(self) -> dict[str, int]:
        """Return the containers' ports by name."""
        ports = (port for each in self.containers() for port in each.get("ports") or ())
        return {port["name"]: port["containerPort"] for port in ports if "name" in port}


def pods_of(objects: Iterable[Object]) -> list[Pods]:
    """Return the pods of all objects that make some, bare ones and cron jobs too."""
    return [pods for each in objects if (pods := _pods(each))]


def _pods(thing: Object) -> Pods | None:
    spec, metadata = thing.get("spec") or {}, thing["metadata"]
    if thing["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if thing["kind"] in WITH_PODS:
        metadata, spec = spec["template"].get("metadata") or {}, spec["template"]["spec"]
    elif thing["kind"] != "Pod":
        return None
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return Pods(f"{thing['kind']} {thing['metadata']['name']}", labels, annotations, spec)
