"""Whether an API server would take an object, by Kubernetes' schemas and by types for the rest.

The types of Istio, KEDA and the Prometheus operator accept fields they do not know, and any number
or text where a number or text belongs. So what they read is compared with what was written, and
`ranges` looks at the values. A kind that has neither schema nor type is a problem, not a skip.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import kubernetes_validate
from pydantic import BaseModel, ValidationError

from tests.chart import ranges
from tests.chart.controllers import controller_models
from tests.chart.rendering import KUBE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.rendering import Object

KUBE_VERSIONS: Final = (KUBE_VERSION, "1.37.0")
"""The version that charts are rendered for, and the newest that there is a schema of."""
OURS: Final = frozenset({"apps", "autoscaling", "batch", "policy"})
"""The API groups of Kubernetes without a domain; the others end with .k8s.io."""


def problems(thing: Object) -> list[str]:
    """Return what is wrong with one object, each with its kind and name; [] where nothing is."""
    return list(_problems_of(json.dumps(thing, sort_keys=True)))


@cache
def _problems_of(written: str) -> tuple[str, ...]:
    """Many value sets have the same object: it is looked at once."""
    thing = json.loads(written)
    name = f"{thing.get('kind')} {thing.get('metadata', {}).get('name')}"
    return tuple(f"{name}: {problem}" for problem in _problems(thing))


def _problems(thing: Object) -> Iterator[str]:
    if _is_built_in(str(thing.get("apiVersion"))):
        yield from _against_kubernetes(thing)
        return
    model = _models().get((str(thing.get("apiVersion")), str(thing.get("kind"))))
    if model is None:
        yield f"no schema is known for {thing.get('apiVersion')}: add its type to schemas.py"
        return
    mistyped = list(_against_type(thing, model))
    yield from mistyped or ranges.problems(thing)


def _is_built_in(api_version: str) -> bool:
    group, _, version = api_version.rpartition("/")
    return bool(version) and (not group or group in OURS or group.endswith(".k8s.io"))


def _against_kubernetes(thing: Object) -> Iterator[str]:
    for version in KUBE_VERSIONS:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(str(step) for step in error.path)
            yield f"{place}: {error.message} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield error.message


def _against_type(thing: Object, model: type[BaseModel]) -> Iterator[str]:
    try:
        # As JSON and strict: a number in quotes is no number, as for an API server.
        read = model.model_validate_json(json.dumps(thing), strict=True)
    except ValidationError as error:
        for each in error.errors():
            yield f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
        return
    kept = read.model_dump(by_alias=True, exclude_unset=True, mode="json")
    yield from (f"{place}: unknown field" for place in _lost(thing, kept))


def _lost(written: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Yield the places that are in `written` and not in `kept`."""
    if isinstance(written, dict) and isinstance(kept, dict):
        for key, value in written.items():
            inner = f"{place}.{key}".lstrip(".")
            if key in kept:
                yield from _lost(value, kept[key], inner)
            else:
                yield inner
    elif isinstance(written, list) and isinstance(kept, list):
        for number, (value, other) in enumerate(zip(written, kept, strict=True)):
            yield from _lost(value, other, f"{place}[{number}]")


@cache
def _models() -> dict[tuple[str, str], type[BaseModel]]:
    # Imported late: these modules take seconds.
    from cloudcoil.models.istio.networking import v1 as networking
    from cloudcoil.models.istio.security import v1 as security
    from cloudcoil.models.keda import v1alpha1 as keda
    from cloudcoil.models.prometheus_operator import v1 as monitoring

    istio, secured = "networking.istio.io/v1", "security.istio.io/v1"
    operator, scaler = "monitoring.coreos.com/v1", "keda.sh/v1alpha1"
    return controller_models() | {
        (istio, "VirtualService"): networking.VirtualService,
        (istio, "DestinationRule"): networking.DestinationRule,
        (istio, "Gateway"): networking.Gateway,
        (istio, "ServiceEntry"): networking.ServiceEntry,
        (istio, "Sidecar"): networking.Sidecar,
        (secured, "AuthorizationPolicy"): security.AuthorizationPolicy,
        (secured, "PeerAuthentication"): security.PeerAuthentication,
        (operator, "ServiceMonitor"): monitoring.ServiceMonitor,
        (operator, "PodMonitor"): monitoring.PodMonitor,
        (operator, "PrometheusRule"): monitoring.PrometheusRule,
        (scaler, "ScaledObject"): keda.ScaledObject,
        (scaler, "TriggerAuthentication"): keda.TriggerAuthentication,
    }
