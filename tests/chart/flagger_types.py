"""Strict types of Flagger's objects, as far as we write them.

Source: https://github.com/fluxcd/flagger/blob/main/artifacts/flagger/crd.yaml. A field that is not
here is a problem, though Flagger may know it.
"""

# ruff: noqa: RUF012 - pydantic copies defaults
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tests.chart.strict_types import (
    Count,
    Metadata,
    Named,
    Percent,
    Port,
    Reference,
    Strict,
    StringMatch,
    Url,
)

Interval = Annotated[str, Field(pattern=r"^[0-9]+(m|s)")]
"""Narrower than a duration of Go, and not looked at to its end."""


class Provider(Strict):
    """Where Flagger asks for a metric."""

    type: Literal["prometheus"]
    address: Url
    secret_ref: Named | None = None
    insecure_skip_verify: bool = False


class MetricTemplateSpec(Strict):
    """A query with variables in double braces."""

    provider: Provider
    query: Annotated[str, Field(min_length=1)]


class MetricTemplate(Strict):
    """Flagger's."""

    api_version: Literal["flagger.app/v1beta1"]
    kind: Literal["MetricTemplate"]
    metadata: Metadata
    spec: MetricTemplateSpec


class Range(Strict):
    """What a value may be."""

    min: float | None = None
    max: float | None = None


class CanaryMetric(Strict):
    """A check of an analysis."""

    name: str
    interval: Interval
    template_ref: Named
    template_variables: dict[str, str] = {}
    threshold_range: Range


class Webhook(Strict):
    """A hook or a gate of an analysis."""

    name: str
    type: Literal[
        "confirm-rollout",
        "pre-rollout",
        "rollout",
        "confirm-traffic-increase",
        "confirm-promotion",
        "post-rollout",
        "rollback",
        "event",
    ]
    url: Url
    timeout: Interval = "10s"
    metadata: dict[str, str] = {}


class AnalysisMatch(Strict):
    """Who gets the canary in an A/B test."""

    headers: dict[str, StringMatch]


class SessionAffinity(Strict):
    """The cookie that keeps a session where it was."""

    cookie_name: str
    max_age: Count = 86400


class Analysis(Strict):
    """How a canary is looked at."""

    interval: Interval
    threshold: Count
    step_weight: Percent = 0
    step_weights: list[Percent] = []
    step_weight_promotion: Percent = 0
    max_weight: Percent = 0
    iterations: Count = 0
    match: list[AnalysisMatch] = []
    mirror: bool = False
    mirror_weight: Percent = 0
    session_affinity: SessionAffinity | None = None
    metrics: list[CanaryMetric] = []
    webhooks: list[Webhook] = []

    @model_validator(mode="after")
    def _has_steps(self) -> Analysis:
        steps = (self.iterations, self.step_weight, self.step_weights)
        if sum(map(bool, steps)) != 1:
            raise ValueError("has one of iterations, stepWeight and stepWeights")
        return self


class GatewayRef(Strict):
    """A parent of the HTTPRoute."""

    group: str
    kind: str
    name: str


class CanaryService(Strict):
    """What Flagger makes Services and routes of."""

    port: Port
    port_name: str = "http"
    target_port: Port | str | None = None
    hosts: list[str] = []
    gateways: list[str] = []
    gateway_refs: list[GatewayRef] = []


class CanarySpec(Strict):
    """Of a Canary."""

    provider: Literal["istio", "gatewayapi:v1", "kubernetes"]
    target_ref: Reference
    service: CanaryService
    analysis: Analysis
    progress_deadline_seconds: Count = 600
    skip_analysis: bool = False
    revert_on_deletion: bool = False
    suspend: bool = False

    @model_validator(mode="after")
    def _has_a_parent(self) -> CanarySpec:
        if self.provider == "gatewayapi:v1" and not self.service.gateway_refs:
            raise ValueError("gatewayapi needs service.gatewayRefs")
        return self


class Canary(Strict):
    """Flagger's."""

    api_version: Literal["flagger.app/v1beta1"]
    kind: Literal["Canary"]
    metadata: Metadata
    spec: CanarySpec
