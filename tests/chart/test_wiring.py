"""What does not fit together is found: each case is one plant in objects that fit."""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml

from tests.chart import wiring
from tests.chart.plants import planted

GOOD: Final = {
    each["kind"]: each
    for each in yaml.safe_load_all("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, labels: {app: gateway}}
spec:
  selector: {matchLabels: {app: gateway}}
  template:
    metadata: {labels: {app: gateway, version: v1}}
    spec:
      serviceAccountName: gateway
      containers:
        - name: gateway
          ports: [{name: admin, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /readyz, port: admin}}
          env:
            - {name: A, value: a}
            - {name: T, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}
          volumeMounts: [{name: routes, mountPath: /etc/gateway}]
      volumes: [{name: routes, configMap: {name: routes}}]
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: gateway}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: routes}, data: {}}
---
apiVersion: v1
kind: Service
metadata: {name: gateway, labels: {app: gateway}}
spec: {selector: {app: gateway}, ports: [{name: http-admin, port: 80, targetPort: admin}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: gateway}
spec: {selector: {matchLabels: {app: gateway}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: gateway}
spec: {podSelector: {matchLabels: {app: gateway}}}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: gateway}
spec: {selector: {matchLabels: {app: gateway}}, endpoints: [{port: http-admin}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: gateway}
spec: {scaleTargetRef: {name: gateway}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: gateway}, rules: []}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: gateway}
roleRef: {kind: Role, name: gateway}
subjects: [{kind: ServiceAccount, name: gateway}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: b}
spec: {host: b, subsets: [{name: v1}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b}
spec: {http: [{route: [{destination: {host: b, subset: v1}}]}]}
""")
}
POD: Final = "spec.template.spec"
CONTAINER: Final = f"{POD}.containers.0"
SECRET: Final = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}
TWO: Final = [{"name": "routes", "mountPath": "/x"}] * 2

PLANTS: Final = [
    ("Deployment", "spec.selector.matchLabels.app", "other", "does not match its own pods"),
    ("Deployment", "spec.template.metadata.labels.version", "v1 beta", "none that Kubernetes"),
    ("Deployment", "metadata.labels.app", "x" * 64, "none that Kubernetes"),
    ("Deployment", f"{POD}.serviceAccountName", "nobody", "there is no ServiceAccount nobody"),
    ("Deployment", f"{POD}.volumes.0.configMap.name", "gone", "there is no ConfigMap gone"),
    ("Deployment", f"{POD}.volumes", [], "no volume routes"),
    ("Deployment", f"{CONTAINER}.volumeMounts", TWO, "two mounts at /x"),
    ("Deployment", f"{CONTAINER}.env.0", SECRET, "there is no Secret keys"),
    ("Deployment", f"{CONTAINER}.env.0.name", "T", "T is set twice"),
    ("Deployment", f"{CONTAINER}.ports.0.name", "http", "asks for port admin"),
    ("Deployment", "metadata.name", "Gateway", "the name is none that Kubernetes takes"),
    ("Service", "spec.selector.app", "other", "selects no pod"),
    ("Service", "spec.ports.0.targetPort", "http", "port http: Deployment gateway has none"),
    ("Service", "spec.ports.0.targetPort", 9090, "port 9090: Deployment gateway has none"),
    ("Service", "metadata.name", "1st", "the name is none that Kubernetes takes"),
    ("PodDisruptionBudget", "spec.selector.matchLabels.app", "other", "selects no pod"),
    ("NetworkPolicy", "spec.podSelector.matchLabels.app", "other", "selects no pod"),
    ("ServiceMonitor", "spec.selector.matchLabels.app", "other", "selects no Service"),
    ("ServiceMonitor", "spec.endpoints.0.port", "admin", "has no port admin"),
    ("ScaledObject", "spec.scaleTargetRef.name", "other", "there is no Deployment other"),
    ("VirtualService", "spec.http.0.route.0.destination.subset", "v2", "defines subset v2 of b"),
    ("RoleBinding", "roleRef.name", "other", "there is no Role other"),
    ("RoleBinding", "subjects.0.name", "other", "there is no ServiceAccount other"),
    ("ServiceAccount", "kind", "Secret", "there is no ServiceAccount gateway"),
]


def test_what_fits_has_no_problem() -> None:
    assert wiring.problems(GOOD.values()) == []


@pytest.mark.parametrize(("kind", "place", "value", "words"), PLANTS)
def test_what_does_not_fit_is_found(kind: str, place: str, value: Any, words: str) -> None:
    found = wiring.problems((GOOD | {kind: planted(GOOD[kind], place, value)}).values())
    assert any(words in problem for problem in found), found


def test_an_object_that_is_there_twice_is_found() -> None:
    found = wiring.problems([*GOOD.values(), GOOD["Service"]])
    assert "Service gateway: is there twice" in found


def test_what_the_user_brings_is_taken_as_given() -> None:
    places = GOOD | {"ConfigMap": GOOD["ServiceAccount"] | {"kind": "Secret"}}
    given = frozenset({("ConfigMap", "routes")})
    assert wiring.problems(places.values(), given) == []
