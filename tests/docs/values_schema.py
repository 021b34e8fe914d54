"""The chart's values.schema.json: its `routes` are the routing file's, in the words Helm knows.

What must fit together is left out: the chart's templates say that, in the gateway's own words.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gateway.config.schema.routing_file import json_schema

if TYPE_CHECKING:
    from pathlib import Path

SAID_BY_TEMPLATES: Final = {
    "Rule": ("oneOf", "dependentRequired"),
    "Condition": ("minProperties", "maxProperties"),
    "Match": ("minProperties",),
    "Version": ("oneOf",),
    "Follow": ("oneOf",),
}
"""Keywords of the routing file's schema that the templates stand in for."""


def values_schema(written: Path) -> str:
    """Return the schema of the values: what is written there, with the routing file's `routes`."""
    schema = json.loads(written.read_text())
    routing = json_schema()
    routes = dict(routing["properties"]["routes"])
    routes.pop("minItems")
    rule_match = routing["$defs"]["Rule"]["properties"]["match"]
    rule_match.pop("minItems")
    for name, keywords in SAID_BY_TEMPLATES.items():
        for keyword in keywords:
            del routing["$defs"][name][keyword]
    # Helm reads YAML 1.1, where the key `on` is the boolean; the templates write `on` again.
    fallback = routing["$defs"]["Fallback"]["properties"]
    fallback["true"] = fallback["on"]
    schema["properties"]["routes"] = _draft_7(routes)
    schema["definitions"] = _draft_7(routing["$defs"])
    return json.dumps(schema, indent=2) + "\n"


def _draft_7(part: Any) -> Any:
    """Say it in draft 7: Helm 3 knows no later one."""
    if isinstance(part, list):
        return [_draft_7(each) for each in part]
    if not isinstance(part, dict):
        return part
    moved = {key: _draft_7(value) for key, value in part.items()}
    if "$ref" in moved:
        reference = {"$ref": moved.pop("$ref").replace("$defs", "definitions")}
        # What stands beside a reference is passed over in draft 7.
        return {"allOf": [reference], **moved} if moved else reference
    return moved
