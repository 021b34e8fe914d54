"""The types of the objects that are no Kubernetes' own: each kind that a chart may render."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.chart.controllers import controller_models

if TYPE_CHECKING:
    from types import ModuleType

    from pydantic import BaseModel

MESH: Final = ("VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar")
OF_CLOUDCOIL: Final = {
    "networking.istio.io/v1": ("istio/networking/v1.py", MESH),
    "security.istio.io/v1": ("istio/security/v1.py", ("AuthorizationPolicy", "PeerAuthentication")),
    "monitoring.coreos.com/v1": (
        "prometheus_operator/v1.py",
        ("ServiceMonitor", "PodMonitor", "PrometheusRule"),
    ),
    "keda.sh/v1alpha1": ("keda/v1alpha1.py", ("ScaledObject", "TriggerAuthentication")),
}
"""By API version: the module below cloudcoil/models, and the kinds that are known of it."""


def model_of(api_version: str, kind: str) -> type[BaseModel] | None:
    """Return the type of a kind; None where none is known."""
    file, kinds = OF_CLOUDCOIL.get(api_version, ("", ()))
    if kind in kinds:
        model: type[BaseModel] = getattr(_module(file), kind)
        return model
    return controller_models().get((api_version, kind))


@cache
def _module(file: str) -> ModuleType:
    """Import one module alone: its package imports all versions of all groups, for seconds."""
    (folder,) = import_module("cloudcoil.models").__path__
    name = f"cloudcoil.models.alone.{Path(file).with_suffix('').as_posix().replace('/', '.')}"
    spec = spec_from_file_location(name, Path(folder) / file)
    assert spec
    assert spec.loader
    made = sys.modules[name] = module_from_spec(spec)  # where pydantic looks up what it names
    spec.loader.exec_module(made)
    return made
