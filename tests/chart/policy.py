"""No privileged setting: Kubernetes' restricted Pod Security Standard, and what we promise beyond.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.chart.pods import Pods, pods_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.chart.rendering import Object

VOLUMES: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"}
    | {"projected", "secret"}
)
"""The kinds of volume that the standard allows."""
CLUSTER_WIDE: Final = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace"}
    | {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "PersistentVolume"}
)


def violations(objects: Iterable[Object]) -> list[str]:
    """Return each setting that gives a pod more than it needs, with its place."""
    rendered = list(objects)
    found = [
        f"{each['kind']} {each['metadata']['name']}: reaches beyond its namespace"
        for each in rendered
        if each["kind"] in CLUSTER_WIDE
    ]
    for pods in pods_of(rendered):
        found += [f"{pods.owner}: {violation}" for violation in _pod(pods)]
        for container in pods.containers():
            place = f"{pods.owner}, container {container['name']}"
            found += [f"{place}: {violation}" for violation in _container(container, pods.spec)]
        found += [f"{pods.owner}: {violation}" for violation in _restarts(pods, rendered)]
    return found


def _pod(pods: Pods) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if pods.spec.get(key):
            yield f"{key} is set"
    for volume in pods.spec.get("volumes") or ():
        kinds = set(volume) - {"name"}
        if not kinds <= VOLUMES:
            yield f"volume {volume['name']} is a {', '.join(sorted(kinds - VOLUMES))}"
    if (pods.spec.get("securityContext") or {}).get("sysctls"):
        yield "sysctls are set"


def _container(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext") or {}
    # A container's own setting wins over its pod's.
    both = (pod.get("securityContext") or {}) | own
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
        yield "may run as root"
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may escalate its privileges"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root filesystem"
    yield from _capabilities(own.get("capabilities") or {})
    if (both.get("seccompProfile") or {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "has no seccomp profile"
    yield from (f"port {port['hostPort']} of the host" for port in _host_ports(container))
    for mount in container.get("volumeMounts") or ():
        if "subPath" in mount or "subPathExpr" in mount:
            yield f"{mount['mountPath']} is mounted by subPath, so it never changes"


def _capabilities(capabilities: dict[str, Any]) -> Iterator[str]:
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "keeps capabilities"
    if capabilities.get("add"):
        yield f"adds capabilities {capabilities['add']}"


def _host_ports(container: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (port for port in container.get("ports") or () if port.get("hostPort"))


def _restarts(pods: Pods, objects: list[Object]) -> Iterator[str]:
    """A checksum of the routing file restarts the pods at each change; the gateway reloads it."""
    mounted = {(v.get("configMap") or {}).get("name") for v in pods.spec.get("volumes") or ()}
    reloaded = {
        each["metadata"]["name"]
        for each in objects
        if each["kind"] == "ConfigMap" and "routes.yaml" in (each.get("data") or {})
    }
    if mounted & reloaded:
        yield from (f"annotation {name}" for name in pods.annotations if "checksum" in name)
