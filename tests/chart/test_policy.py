"""The policy finds every privileged setting: each case is one plant in a pod that is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.chart import policy, rendering
from tests.chart.plants import planted, tiny_chart

if TYPE_CHECKING:
    from pathlib import Path

GOOD_TEXT: Final = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, annotations: {}}
spec:
  selector: {matchLabels: {app: gateway}}
  template:
    metadata: {labels: {app: gateway}, annotations: {}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: gateway
          image: gateway:1
          ports: [{containerPort: 8080}]
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts: [{name: routes, mountPath: /etc/gateway}]
      volumes: [{name: routes, configMap: {name: routes}}]
"""
GOOD: Final = yaml.safe_load(GOOD_TEXT)
ROUTES: Final = {"kind": "ConfigMap", "metadata": {"name": "routes"}, "data": {"routes.yaml": ""}}
POD: Final = "spec.template.spec"
CONTAINER: Final = f"{POD}.containers.0"
OWN: Final = f"{CONTAINER}.securityContext"
ROOTED: Final = {"seccompProfile": {"type": "RuntimeDefault"}}
UNCONFINED: Final = {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}

PLANTS: Final = [
    (f"{POD}.hostNetwork", True, "hostNetwork is set"),
    (f"{POD}.hostPID", True, "hostPID is set"),
    (f"{POD}.hostIPC", True, "hostIPC is set"),
    (f"{POD}.shareProcessNamespace", True, "shareProcessNamespace is set"),
    (f"{POD}.securityContext", ROOTED, "may run as root"),
    (f"{POD}.securityContext", UNCONFINED, "has no seccomp profile"),
    (f"{POD}.securityContext", {"runAsNonRoot": True}, "has no seccomp profile"),
    (f"{POD}.securityContext.sysctls", [{"name": "kernel.msgmax"}], "sysctls are set"),
    (f"{POD}.volumes.0", {"name": "routes", "hostPath": {"path": "/"}}, "is a hostPath"),
    (f"{OWN}.runAsUser", 0, "may run as root"),
    (f"{OWN}.runAsNonRoot", False, "may run as root"),
    (f"{OWN}.privileged", True, "is privileged"),
    (f"{OWN}.allowPrivilegeEscalation", True, "may escalate"),
    (f"{OWN}.readOnlyRootFilesystem", False, "may write to its root filesystem"),
    (f"{OWN}.capabilities", {}, "keeps capabilities"),
    (f"{OWN}.capabilities.drop", ["NET_RAW"], "keeps capabilities"),
    (f"{OWN}.capabilities.add", ["SYS_ADMIN"], "adds capabilities"),
    (f"{OWN}.seccompProfile", {"type": "Unconfined"}, "has no seccomp profile"),
    (OWN, None, "may escalate"),
    (f"{CONTAINER}.ports.0.hostPort", 80, "port 80 of the host"),
    (f"{CONTAINER}.volumeMounts.0.subPath", "routes.yaml", "is mounted by subPath"),
    (f"{POD}.initContainers", [{"name": "early"}], "container early: may escalate"),
    ("spec.template.metadata.annotations.checksum/config", "abc", "annotation checksum/config"),
]


def test_a_pod_without_any_has_no_violation() -> None:
    assert policy.violations([GOOD, ROUTES]) == []


@pytest.mark.parametrize(("place", "value", "words"), PLANTS)
def test_each_privileged_setting_is_found(place: str, value: Any, words: str) -> None:
    found = policy.violations([planted(GOOD, place, value), ROUTES])
    assert any(words in violation for violation in found), found


def test_it_is_found_in_what_helm_renders_too(tmp_path: Path) -> None:
    chart = tiny_chart(tmp_path / "t", GOOD_TEXT.replace("drop: [ALL]", "drop: [NET_RAW]"))
    found = policy.violations(rendering.render(chart))
    assert found == ["Deployment gateway, container gateway: keeps capabilities"]


@pytest.mark.parametrize("kind", ["ClusterRole", "ClusterRoleBinding", "Namespace"])
def test_what_reaches_beyond_the_namespace_is_found(kind: str) -> None:
    found = policy.violations([{"kind": kind, "metadata": {"name": "x"}}])
    assert found == [f"{kind} x: reaches beyond its namespace"]


def test_a_cron_job_and_a_bare_pod_are_looked_at() -> None:
    pod = GOOD["spec"]["template"]["spec"] | {"hostPID": True}
    bare = {"kind": "Pod", "metadata": {"name": "x"}, "spec": pod}
    job = {"spec": {"template": {"spec": pod}}}
    cron = {"kind": "CronJob", "metadata": {"name": "y"}, "spec": {"jobTemplate": job}}
    found = policy.violations([bare, cron])
    assert found == ["Pod x: hostPID is set", "CronJob y: hostPID is set"]
