"""The JSON Schema that editors use, and the files under config/."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from gateway.config.file import read
from gateway.config.schema.routing_file import json_schema
from gateway.config.yaml.composer import compose

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[4]
CONFIG = ROOT / "config"
KUSTOMIZE = CONFIG / "kustomize"  # objects of Kubernetes; see tests/chart
FILES = sorted(each for each in CONFIG.rglob("*.yaml") if KUSTOMIZE not in each.parents)
GOLDEN = ROOT / "tests/golden/routing_files"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())
SHAPES = [
    "conditions",
    "empty_matches",
    "envelopes",
    "fallback_is_no_mapping",
    "fallback_numbers",
    "follow_values",
    "json_file",
    "keys_without_values",
    "missing_keys",
    "misspelt_top_key",
    "names",
    "no_routes",
    "not_a_mapping",
    "numbers",
    "rollout_values",
    "routes_is_mapping",
    "rule_destinations",
    "style_guide",
    "unknown_keys",
    "urls",
    "version_from_empty",
    "words",
    "wrong_shapes",
    "wrong_shapes_in_parts",
]


def test_the_committed_schema_is_current() -> None:
    """`make generate` writes it anew."""
    assert json.loads((CONFIG / "routes.schema.json").read_text()) == json_schema()


def test_the_schema_is_a_schema_and_says_who_it_is() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:sqs-version-gateway:routing-file"
    assert schema["title"]
    assert schema["description"]


def test_every_key_is_described() -> None:
    schema = json_schema()
    for name, part in {"the file": schema, **schema["$defs"]}.items():
        silent = [key for key, value in part["properties"].items() if not value.get("description")]
        assert silent == [], name


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_file_under_config_loads_and_fits_the_schema(file: Path) -> None:
    assert read(file).routes
    assert list(VALIDATOR.iter_errors(compose(file.read_bytes()).root.value)) == []


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_file_under_config_leads_editors_to_the_schema(file: Path) -> None:
    marker, _, target = file.read_text().splitlines()[0].partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (file.parent / target).resolve() == CONFIG / "routes.schema.json"


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_of_another_shape_does_not_fit_the_schema(name: str) -> None:
    value = compose((GOLDEN / f"{name}.yaml").read_bytes()).root.value
    assert list(VALIDATOR.iter_errors(value)) != []


@pytest.mark.parametrize(
    "more",
    [
        {"wait": 0.5, "visibility": "90s"},
        {"fallback": False},
        {"fallback": "off"},
        {"fallback": {"after_receives": None}},
        {"rollout": {"steps": [1, {"weight": 5, "pause": True}, {"weight": 50, "every": "1h"}]}},
        {"rollout": {"max_failure_ratio": "2%", "compare": {"margin": 0.05, "tolerance": "1.5%"}}},
        {"rollback": {}, "strict": True},
        {"rules": [{"match": [{"body": {"a.b": {"exact": 7}}}], "to": "b"}]},
        {
            "rules": [
                {"match": [{"group": {"present": True}}], "split": {"b": 1}, "sticky": "group"}
            ]
        },
    ],
)
def test_every_way_to_write_a_value_fits_the_schema(more: dict[str, Any]) -> None:
    route = {"name": "a", "queue": "a", "versions": {"b": "http://b/"}, **more}
    assert list(VALIDATOR.iter_errors({"routes": [route]})) == []


def test_any_key_left_out_or_misspelt_is_noticed_by_the_schema_where_it_matters() -> None:
    """An extra key anywhere in the full example is refused."""
    full = compose((CONFIG / "examples/everything.yaml").read_bytes()).root.value
    free = {"headers", "split", "body", "attributes", "without_attributes", "versions"}
    for path in mappings(full):
        if not (path and path[-1] in free):
            copy = deepcopy(full)
            at(copy, path)["sp lt"] = {}
            assert not VALIDATOR.is_valid(copy), path


def mappings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield path
    for key, inner in pairs(value):
        yield from mappings(inner, (*path, key))


def pairs(value: Any) -> list[tuple[Any, Any]]:
    match value:
        case dict():
            return list(value.items())
        case list():
            return list(enumerate(value))
        case _:
            return []


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def test_the_demos_own_file_says_the_same_as_the_one_under_config() -> None:
    packaged = ROOT / "gateway/demo/routes.yaml"
    assert read(packaged).routes == read(CONFIG / "routes.yaml").routes
