"""Strict types of Argo Rollouts' objects, as far as we write them.

Source: https://github.com/argoproj/argo-rollouts/tree/master/manifests/crds. A field that is not
here is a problem, though Argo Rollouts may know it.
"""

# ruff: noqa: RUF012 - pydantic copies defaults
from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tests.chart.strict_types import (
    Count,
    Duration,
    Metadata,
    Percent,
    Reference,
    Strict,
    StringMatch,
    Url,
    one_field,
)


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


class Prometheus(Strict):
    """The provider `prometheus`; its timeout is in whole seconds."""

    address: Url
    query: Annotated[str, Field(min_length=1)]
    timeout: Count = 30


class MetricProvider(Strict):
    """One of Argo Rollouts' providers."""

    web: Web | None = None
    prometheus: Prometheus | None = None

    @model_validator(mode="after")
    def _is_one(self) -> MetricProvider:
        return one_field(self)


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


class HeaderMatch(Strict):
    """A header and what it is."""

    header_name: str
    header_value: StringMatch


class HeaderRoute(Strict):
    """Requests with one of these headers go to the canary; without a match the route goes away."""

    name: str
    match: list[HeaderMatch] = []


class RouteMatch(Strict):
    """All of its fields."""

    method: StringMatch | None = None
    path: StringMatch | None = None
    headers: dict[str, StringMatch] = {}


class MirrorRoute(Strict):
    """A share of these requests is copied to the canary."""

    name: str
    percentage: Percent = 100
    match: list[RouteMatch] = []


class ExperimentTemplate(Strict):
    """Pods of an experiment, and their share of the requests."""

    name: str
    spec_ref: Literal["stable", "canary"]
    weight: Percent | None = None


class Experiment(Strict):
    """More pods beside canary and stable, for a time."""

    duration: Duration
    templates: Annotated[list[ExperimentTemplate], Field(min_length=1)]


class RolloutStep(Strict):
    """One of its fields."""

    set_weight: Percent | None = None
    pause: Pause | None = None
    analysis: StepAnalysis | None = None
    experiment: Experiment | None = None
    set_header_route: HeaderRoute | None = None
    set_mirror_route: MirrorRoute | None = None

    @model_validator(mode="after")
    def _is_one(self) -> RolloutStep:
        return one_field(self)

    @property
    def managed_route(self) -> str | None:
        """The name of the route that the step makes or takes away."""
        made = self.set_header_route or self.set_mirror_route
        return made.name if made else None


class IstioVirtualService(Strict):
    """A VirtualService and its routes."""

    name: str
    routes: list[str] = []


class Istio(Strict):
    """Whose weights are set."""

    virtual_service: IstioVirtualService


class ManagedRoute(Strict):
    """A route that steps may make."""

    name: str


class TrafficRouting(Strict):
    """Who splits requests."""

    istio: Istio
    managed_routes: list[ManagedRoute] = []


class CanaryStrategy(Strict):
    """Of a Rollout."""

    stable_service: str
    canary_service: str
    traffic_routing: TrafficRouting | None = None
    dynamic_stable_scale: bool = False
    abort_scale_down_delay_seconds: Count = 30
    analysis: BackgroundAnalysis | None = None
    steps: list[RolloutStep]

    @model_validator(mode="after")
    def _names_its_routes(self) -> CanaryStrategy:
        router = self.traffic_routing
        known = {each.name for each in router.managed_routes} if router else set()
        made = {each.managed_route for each in self.steps} - {None}
        if not made <= known:
            raise ValueError(f"{made - known} are missing in managedRoutes")
        if self.dynamic_stable_scale and not router:
            raise ValueError("dynamicStableScale needs trafficRouting")
        return self


class BlueGreenStrategy(Strict):
    """Of a Rollout."""

    active_service: str
    preview_service: str = ""
    auto_promotion_enabled: bool = True
    pre_promotion_analysis: StepAnalysis | None = None


class Strategy(Strict):
    """Of a Rollout: one of them."""

    canary: CanaryStrategy | None = None
    blue_green: BlueGreenStrategy | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Strategy:
        return one_field(self)


class WorkloadRef(Reference):
    """A Deployment whose pod template is taken."""

    scale_down: Literal["never", "onsuccess", "progressively"] = "never"


class RolloutSpec(Strict):
    """Of a Rollout: its pods are described here, or by a Deployment."""

    replicas: Count
    selector: dict[str, Any] | None = None
    template: dict[str, Any] | None = None
    workload_ref: WorkloadRef | None = None
    strategy: Strategy

    @model_validator(mode="after")
    def _has_pods(self) -> RolloutSpec:
        if (self.template is None) == (self.workload_ref is None):
            raise ValueError("has one of template and workloadRef")
        if (self.template is None) != (self.selector is None):
            raise ValueError("has a selector with its template")
        return self


class Rollout(Strict):
    """Argo Rollouts'."""

    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["Rollout"]
    metadata: Metadata
    spec: RolloutSpec
