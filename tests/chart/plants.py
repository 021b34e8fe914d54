"""Something wrong put into something good: what shows that a check can fail."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chart.rendering import Object


def planted(thing: Object, place: str, value: Any) -> Object:
    """Return a copy of the object with a value put at a place such as spec.http.0.timeout."""
    made = copy.deepcopy(thing)
    inner: Any = made
    *steps, last = place.split(".")
    for step in steps:
        inner = inner[int(step) if step.isdecimal() else step]
    inner[int(last) if last.isdecimal() else last] = value
    return made


def tiny_chart(folder: Path, template: str, values: str = "{}", schema: str = "") -> Path:
    """Write a chart of one template and return its folder."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: tiny, version: 1.0.0}")
    (folder / "values.yaml").write_text(values)
    (folder / "templates" / "all.yaml").write_text(template)
    if schema:
        (folder / "values.schema.json").write_text(schema)
    return folder
