"""The pods that a chart makes: their templates, wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.chart.rendering import Object

WITH_PODS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"})


class Pods(NamedTuple):
    """The pods of one object: its name for people, their labels and their spec."""

    owner: str
    labels: dict[str, str]
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
    owner = f"{thing['kind']} {thing['metadata']['name']}"
    if thing["kind"] == "Pod":
        return Pods(owner, thing["metadata"].get("labels") or {}, thing["spec"])
    spec = thing.get("spec") or {}
    if thing["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    elif thing["kind"] not in WITH_PODS:
        return None
    template = spec["template"]
    return Pods(owner, (template.get("metadata") or {}).get("labels") or {}, template["spec"])
