"""The objects of docs/how-to/at-the-edge.md are valid, and no route of theirs lets a pin in."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import yaml

from tests.chart.foreign_types import model_of
from tests.docs.generate import ROOT

PAGE: Final = (ROOT / "docs/how-to/at-the-edge.md").read_text("utf-8")
BLOCKS: Final = [
    yaml.safe_load(block)
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
SERVICES: Final = [block for block in BLOCKS if block.get("kind") == "VirtualService"]
ROUTES: Final = [block for block in BLOCKS if block.get("kind") == "HTTPRoute"]


@pytest.mark.parametrize("block", SERVICES)
def test_a_virtual_service_strips_version_and_baggage_in_each_route(block: Any) -> None:
    model = model_of(block["apiVersion"], block["kind"])
    assert model
    model.model_validate(block)
    assert "mesh" not in block["spec"]["gateways"]
    for route in block["spec"]["http"]:
        request = route["headers"]["request"]
        assert "baggage" in request["remove"]
        assert "version" in request["remove"] or "version" in request["set"]
        assert "match" in route or "set" not in request


def test_the_same_by_the_gateway_api() -> None:
    (route,) = ROUTES
    for rule in route["spec"]["rules"]:
        (remove,) = (each["requestHeaderModifier"]["remove"] for each in rule["filters"])
        assert set(remove) == {"version", "baggage"}


def test_there_is_one_for_clients_and_one_with_testers() -> None:
    assert len(SERVICES) == 2
