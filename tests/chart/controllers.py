"""The types of Flagger's and of Argo Rollouts' objects, by API version and kind.

Their CRDs are in no package that could be installed here, so the fields are written down from them.
"""

from __future__ import annotations

from typing import Any

from tests.chart.argo_types import AnalysisTemplate, Rollout
from tests.chart.flagger_types import Canary, MetricTemplate


def controller_models() -> dict[tuple[str, str], Any]:
    """Return the types by API version and kind."""
    flagger, argo = "flagger.app/v1beta1", "argoproj.io/v1alpha1"
    return {
        (flagger, "MetricTemplate"): MetricTemplate,
        (flagger, "Canary"): Canary,
        (argo, "AnalysisTemplate"): AnalysisTemplate,
        (argo, "Rollout"): Rollout,
    }
