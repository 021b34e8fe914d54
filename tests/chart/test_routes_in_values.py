"""`routes` in values.yaml is the routing file: what the chart renders decides as the file does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.config import loader
from gateway.config.schema.routing_file import RoutingFile, json_schema
from tests.chart.notes import notes
from tests.chart.rendering import GATEWAY_CHART, ROOT, refusal, render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.core.routing.route import Route
    from gateway.core.routing.rules import Rule

REGION: Final = "aws.region=eu-west-1"  # for queues that are given by name
EXAMPLES: Final = sorted([*ROOT.glob("config/examples/*.yaml"), ROOT / "config/routes.yaml"])
SMALL: Final[dict[str, Any]] = {"name": "r", "queue": "q", "versions": {"stable": "http://b.shop/"}}


def rendered(*values: Path, sets: Sequence[str] = ()) -> tuple[Route, ...]:
    """Return the routes that the gateway loads from the rendered ConfigMap; see `_settled`."""
    objects = render(GATEWAY_CHART, *values, sets=[REGION, *sets])
    (text,) = (each["data"]["routes.yaml"] for each in objects if "routes.yaml" in _texts(each))
    return _settled(loader.load(text.encode(), "routes.yaml").routes)


def _texts(each: dict[str, Any]) -> dict[str, str]:
    return each.get("data", {}) if each["kind"] == "ConfigMap" else {}


def from_file(path: Path) -> tuple[Route, ...]:
    return _settled(loader.load(path.read_bytes(), path.name).routes)


def _settled(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Put the tests of each matcher in order: Helm sorts keys, and all of them have to hold."""
    return tuple(replace(route, rules=tuple(map(_rule, route.rules))) for route in routes)


def _rule(rule: Rule) -> Rule:
    matchers = (
        replace(each, criteria=tuple(sorted(each.criteria, key=repr))) for each in rule.matchers
    )
    return replace(rule, matchers=tuple(matchers))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_routing_file_is_a_file_of_values(example: Path) -> None:
    """`helm install --values routes.yaml` and the file itself come to the same."""
    assert rendered(example) == from_file(example)


ODD_TEXTS: Final = (
    *(
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "null",
        "~",
        "true",
        "1e3",
        "010",
        "0x1f",
        "1_000",
        "12:30",
    ),
    *("2026-01-01", "=", "- a", "a: b", "#c", "'", '"', "\\", "{{ .Values }}", "$HOME", "%", "@x"),
    *(
        "a" * 300,
        "word " * 60 + "end",
        " lead",
        "trail ",
        "tab\there",
        "line\nbreak",
        "é €",
    ),
)


def test_no_text_changes_on_its_way(tmp_path: Path) -> None:
    """YAML is read and written once more on the way, by another library."""
    rules = [
        {"name": f"n{at}", "match": [{"attributes": {text: {"exact": text}}}], "to": "stable"}
        for at, text in enumerate(ODD_TEXTS)
    ]
    path = tmp_path / "routes.yaml"
    path.write_text(json.dumps({"routes": [{**SMALL, "rules": rules}]}))
    assert rendered(path) == from_file(path)


def test_no_number_changes_on_its_way(tmp_path: Path) -> None:
    numbers = {"visibility": 43200, "max_in_flight": 100000, "wait": 0.25}
    split = {"stable": 1_000_000_000, "canary": 1_000_000}
    canary = {"url": "http://b1.shop/", "max_rate": 0.001, "timeout": 39600}
    versions = {"stable": "http://b.shop/", "canary": canary}
    path = tmp_path / "routes.yaml"
    route = {**SMALL, **numbers, "versions": versions, "split": split}
    path.write_text(json.dumps({"routes": [route]}))
    assert rendered(path) == from_file(path)


@pytest.mark.parametrize("key", ["on", '"on"'])
def test_the_key_on_of_a_fallback_is_no_boolean(key: str, tmp_path: Path) -> None:
    """In YAML 1.1, which Helm reads, it is one unless it has quotes."""
    path = tmp_path / "routes.yaml"
    route = yaml.safe_dump(SMALL, default_flow_style=True, width=1000).strip()[1:-1]
    path.write_text(f"routes: [{{{route}, fallback: {{{key}: [timeout], after_receives: null}}}}]")
    assert rendered(path) == from_file(path)


def test_a_weight_is_set_by_its_place(tmp_path: Path) -> None:
    """As `helm upgrade --set` does in a rollout."""
    path = tmp_path / "values.yaml"
    path.write_text((ROOT / "config/examples/weight.yaml").read_text())
    sets = ["routes[0].split.stable=50", "routes[0].split.canary=50"]
    (route,) = rendered(path, sets=sets)
    assert dict(route.weights) == {"stable": 50, "canary": 50}


def test_the_stable_version_comes_first_with_any_name(tmp_path: Path) -> None:
    versions = {"zulu": "http://z.shop/", "alpha": "http://a.shop/", "mike": "http://m.shop/"}
    path = tmp_path / "routes.yaml"
    path.write_text(json.dumps({"routes": [{**SMALL, "versions": versions, "stable": "mike"}]}))
    (route,) = rendered(path)
    assert route.stable.name == "mike"
    assert [version.name for version in route.versions] == ["mike", "alpha", "zulu"]


def test_the_schema_of_the_values_knows_every_key_of_a_routing_file() -> None:
    schema = json.loads((GATEWAY_CHART / "values.schema.json").read_text())
    for name, part in json_schema()["$defs"].items():
        assert part["properties"].keys() <= schema["definitions"][name]["properties"].keys()
    assert RoutingFile.model_fields.keys() <= schema["properties"].keys()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("routes[0].splt.a=1", "splt"),
        ("routes[0].split.canary=-1", "/routes/0/split/canary"),
        ("routes[0].split.canary=ten", "/routes/0/split/canary"),
        ("routes[0].name=Orders", "/routes/0/name"),
        ("routes[0].versions.canary.url=b1.shop", "/routes/0/versions/canary"),
        ("routes[0].wait=soon", "/routes/0/wait"),
    ],
)
def test_a_value_of_another_shape_is_refused_with_its_place(values: str, words: str) -> None:
    everything = GATEWAY_CHART / "ci" / "everything-values.yaml"
    assert words in refusal(GATEWAY_CHART, everything, sets=[values])


def test_the_notes_name_the_queues_that_versions_poll() -> None:
    told = notes([], GATEWAY_CHART / "ci" / "queue-versions-values.yaml")
    assert "- orders-b1 (version canary of route orders)" in told
    assert "Switch off the polling of services with a URL: they" in told
    posted = notes([], GATEWAY_CHART / "ci" / "fifo-values.yaml")
    assert "poll these" not in posted
    assert "Switch off the polling of the services behind it: they" in posted


def test_the_notes_switch_no_polling_off_where_every_version_polls() -> None:
    told = notes(
        [
            "aws.region=eu-west-1",
            "routes[0].name=orders",
            "routes[0].queue=orders",
            "routes[0].versions.stable.queue=orders-b",
        ]
    )
    assert "- orders-b (version stable of route orders)" in told
    assert "Switch off" not in told
