"""Strict types of the objects of Flagger and Argo Rollouts, as far as we write them.

Their CRDs are in no package that could be installed here, so the fields are written down from them:
https://github.com/fluxcd/flagger/blob/main/artifacts/flagger/crd.yaml and
https://github.com/argoproj/argo-rollouts/tree/master/manifests/crds. A field that is not here is a
problem, though the controller may know it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Duration = Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")]
"""As Go reads it."""
Count = Annotated[int, Field(ge=0)]
Percent = Annotated[int, Field(ge=0, le=100)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+")]


class Strict(BaseModel):
    """Knows all of its fields; those with humps are in snake case here."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Metadata(Strict):
    """Of any object."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Named(Strict):
    """Another object of this name."""

    name: str
    namespace: str = ""


class Reference(Strict):
    """The workload that is rolled out."""

    api_version: Literal["apps/v1"]
    kind: Literal["Deployment", "DaemonSet"]
    name: str


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
    interval: Duration
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
    timeout: Duration = "10s"
    metadata: dict[str, str] = {}


class Analysis(Strict):
    """How a canary is looked at."""

    interval: Duration
    threshold: Count
    step_weight: Percent = 0
    max_weight: Percent = 0
    iterations: Count = 0
    metrics: list[CanaryMetric] = []
    webhooks: list[Webhook] = []

    @model_validator(mode="after")
    def _has_steps(self) -> Analysis:
        if bool(self.iterations) == bool(self.step_weight):
            raise ValueError("has either iterations or stepWeight")
        return self


class GatewayRef(Strict):
    """A parent of the HTTPRoute."""

    group: str
    kind: str
    name: str


class CanaryService(Strict):
    """What Flagger makes Services and routes of."""

    port: Annotated[int, Field(ge=1, le=65535)]
    port_name: str = "http"
    gateway_refs: list[GatewayRef] = []


class CanarySpec(Strict):
    """Of a Canary."""

    provider: Literal["istio", "gatewayapi:v1", "kubernetes"]
    target_ref: Reference
    service: CanaryService
    analysis: Analysis
    progress_deadline_seconds: Count = 600

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


class SecretKey(Strict):
    """A key of a Secret."""

    name: str
    key: str


class ValueFrom(Strict):
    """Where an argument comes from."""

    secret_key_ref: SecretKey


class Argument(Strict):
    """Of an analysis."""

    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


class Header(Strict):
    """Of a request."""

    key: str
    value: str


class Web(Strict):
    """The provider `web`; its timeout is in whole seconds."""

    url: Url
    timeout_seconds: Count = 10
    json_path: Annotated[str, Field(pattern=r"^\{\$.*\}$")]
    headers: list[Header] = []


class MetricProvider(Strict):
    """One of Argo Rollouts' providers."""

    web: Web


class Metric(Strict):
    """What an analysis measures. Without `count` it goes on for ever."""

    name: str
    interval: Duration
    initial_delay: Duration | None = None
    count: Count | None = None
    success_condition: str
    failure_condition: str | None = None
    failure_limit: Count = 0
    inconclusive_limit: Count = 0
    consecutive_error_limit: Count = 4
    consecutive_success_limit: Count = 0
    provider: MetricProvider


class AnalysisTemplateSpec(Strict):
    """Of an AnalysisTemplate."""

    args: list[Argument] = []
    metrics: Annotated[list[Metric], Field(min_length=1)]


class AnalysisTemplate(Strict):
    """Argo Rollouts'."""

    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["AnalysisTemplate"]
    metadata: Metadata
    spec: AnalysisTemplateSpec


class TemplateName(Strict):
    """An AnalysisTemplate of the Rollout's namespace."""

    template_name: str


class StepAnalysis(Strict):
    """An analysis that a step waits for."""

    templates: list[TemplateName]
    args: list[Argument] = []


class BackgroundAnalysis(StepAnalysis):
    """An analysis beside the steps."""

    starting_step: Count = 0


class Pause(Strict):
    """For ever without a duration."""

    duration: Duration | None = None


class RolloutStep(Strict):
    """One of its fields."""

    set_weight: Percent | None = None
    pause: Pause | None = None
    analysis: StepAnalysis | None = None

    @model_validator(mode="after")
    def _is_one(self) -> RolloutStep:
        if len(self.model_fields_set) != 1:
            raise ValueError("is one of setWeight, pause and analysis")
        return self


class IstioVirtualService(Strict):
    """A VirtualService and its routes."""

    name: str
    routes: list[str] = []


class Istio(Strict):
    """Whose weights are set."""

    virtual_service: IstioVirtualService


class TrafficRouting(Strict):
    """Who splits requests."""

    istio: Istio


class CanaryStrategy(Strict):
    """Of a Rollout."""

    stable_service: str
    canary_service: str
    traffic_routing: TrafficRouting | None = None
    analysis: BackgroundAnalysis | None = None
    steps: list[RolloutStep]


class Strategy(Strict):
    """Of a Rollout; blue-green is not used here."""

    canary: CanaryStrategy


class WorkloadRef(Reference):
    """A Deployment whose pod template is taken."""

    scale_down: Literal["never", "onsuccess", "progressively"] = "never"


class RolloutSpec(Strict):
    """Of a Rollout whose pods a Deployment describes."""

    replicas: Count
    workload_ref: WorkloadRef
    strategy: Strategy


class Rollout(Strict):
    """Argo Rollouts'."""

    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["Rollout"]
    metadata: Metadata
    spec: RolloutSpec


def controller_models() -> dict[tuple[str, str], Any]:
    """Return the types by API version and kind."""
    flagger, argo = "flagger.app/v1beta1", "argoproj.io/v1alpha1"
    return {
        (flagger, "MetricTemplate"): MetricTemplate,
        (flagger, "Canary"): Canary,
        (argo, "AnalysisTemplate"): AnalysisTemplate,
        (argo, "Rollout"): Rollout,
    }
