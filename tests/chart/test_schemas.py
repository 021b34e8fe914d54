"""The checks of objects find what is wrong in objects: each case is one plant in a good one."""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml

from tests.chart import schemas
from tests.chart.plants import planted

GOOD: Final = {
    each["kind"]: each
    for each in yaml.safe_load_all("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway}
spec:
  replicas: 2
  selector: {matchLabels: {app: gateway}}
  template:
    metadata: {labels: {app: gateway}}
    spec:
      containers: [{name: gateway, image: "gateway:1"}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: gateway}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b, labels: {app: b}}
spec:
  hosts: [b]
  http:
    - match: [{sourceLabels: {version: v2}}]
      timeout: 1m30s
      retries: {attempts: 0}
      route:
        - {destination: {host: b, subset: v1, port: {number: 8080}}, weight: 90}
        - {destination: {host: b1}, weight: 10}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: b}
spec:
  host: b
  subsets: [{name: v1, labels: {version: v1}}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: gateway}
spec:
  scaleTargetRef: {name: gateway}
  minReplicaCount: 2
  maxReplicaCount: 10
  triggers:
    - type: aws-sqs-queue
      metadata: {queueURL: "https://x/1/orders", awsRegion: eu-west-1, queueLength: "100"}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: gateway}
spec:
  selector: {matchLabels: {app: gateway}}
  endpoints: [{port: admin, path: /metrics, interval: 30s, scrapeTimeout: 10s}]
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: gateway}
spec:
  groups: [{name: g, rules: [{alert: A, expr: "up == 0", for: 5m}]}]
""")
}

PLANTS: Final = [
    ("Deployment", "spec.replica", 2, "replica"),
    ("Deployment", "spec.replicas", "two", "spec.replicas"),
    ("Deployment", "spec.template.spec.containers.0.image", 1, "containers.0.image"),
    ("Deployment", "spec.template.spec.containers.0.ports", [{"containerPort": "x"}], "ports"),
    ("Deployment", "apiVersion", "apps/v2", "apps/v2"),
    ("Deployment", "apiVersion", "extensions.k8s.io/v1", "extensions.k8s.io/v1"),
    ("Deployment", "apiVersion", "example.com/v1", "no schema is known for example.com/v1"),
    ("Deployment", "apiVersion", "", "no schema is known"),
    ("NetworkPolicy", "spec.podSelector", "all", "podSelector"),
    ("VirtualService", "kind", "VirtualServices", "no schema is known"),
    ("VirtualService", "apiVersion", "networking.istio.io/v2", "no schema is known"),
    ("VirtualService", "spec.http.0.rout", [], "spec.http[0].rout: unknown field"),
    ("VirtualService", "metadata.label", {}, "metadata.label: unknown field"),
    ("VirtualService", "spec.http.0.match.0.sourceLabel", {"a": "b"}, "sourceLabel: unknown"),
    ("VirtualService", "spec.http.0.timeout", "soon", "'soon' is no duration"),
    ("VirtualService", "spec.http.0.timeout", 5, "timeout"),
    ("VirtualService", "spec.http.0.retries.perTryTimeout", "2", "'2' is no duration"),
    ("VirtualService", "spec.http.0.route.1.weight", 500, "500 is no weight"),
    ("VirtualService", "spec.http.0.route.1.weight", -1, "-1 is no weight"),
    ("VirtualService", "spec.http.0.route.1.weight", "10", "weight"),
    ("VirtualService", "spec.http.0.route", [{"destination": {"host": h}} for h in "bc"], "nobody"),
    ("VirtualService", "spec.http.0.route.1.destination", {"subset": "v1"}, "host"),
    ("VirtualService", "spec.http.0.route.0.destination.port.number", 80800, "is no port"),
    ("VirtualService", "spec.http.0.route.0.destination.port.number", "8080", "port.number"),
    ("DestinationRule", "spec.subsets.0.label", {"version": "v1"}, "label: unknown field"),
    ("DestinationRule", "spec.host", None, "spec.host"),
    ("ScaledObject", "spec.triggers.0.metadata.queueLength", 100, "queueLength"),
    ("ScaledObject", "spec.triggers.0.metadata.queueLength", "many", "is no number"),
    ("ScaledObject", "spec.triggers.0.metadata.queueUrl", "x", "KEDA knows no such key"),
    ("ScaledObject", "spec.triggers.0.metadata.awsRegion", "", "awsRegion is missing"),
    ("ScaledObject", "spec.triggers.0.metadata.queueURL", "", "queueURL is missing"),
    ("ScaledObject", "spec.minReplicaCount", 11, "from 11 to 10 replicas"),
    ("ScaledObject", "spec.minReplicas", 2, "spec.minReplicas: unknown field"),
    ("ScaledObject", "spec.pollingInterval", -5, "pollingInterval: is negative"),
    ("ServiceMonitor", "spec.endpoints.0.interval", "half a minute", "interval"),
    ("ServiceMonitor", "spec.endpoints.0.scrapeTimeout", "1m", "longer than interval"),
    ("ServiceMonitor", "spec.endpoints.0.targetport", 8080, "targetport: unknown field"),
    ("PrometheusRule", "spec.groups.0.rules.0.for", "soon", "for"),
    ("PrometheusRule", "spec.groups.0.rules.0.severity", "x", "severity: unknown field"),
    ("PrometheusRule", "spec.groups.0.rules.0.expr", ["up"], "expr"),
]


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_object_has_no_problem(kind: str) -> None:
    assert schemas.problems(GOOD[kind]) == []


@pytest.mark.parametrize(("kind", "place", "value", "words"), PLANTS)
def test_an_invalid_object_has_one(kind: str, place: str, value: Any, words: str) -> None:
    found = schemas.problems(planted(GOOD[kind], place, value))
    assert any(words in problem for problem in found), found
