"""Whether an API server would take an object, by Kubernetes' schemas and by types for the rest.

The types of Istio, KEDA and the Prometheus operator accept fields they do not know, and any number
or text where a number or text belongs. So what they read is compared with what was written, and
`ranges` looks at the values. A kind that has neither schema nor type is a problem, not a skip.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator
from kubernetes_validate import utils
from pydantic import BaseModel, ValidationError
from referencing import Registry, Resource

from tests.chart import ranges
from tests.chart.foreign_types import model_of
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
        found = (against_kubernetes(thing, version) for version in KUBE_VERSIONS)
        yield from (problem for problem in found if problem)
        return
    model = model_of(str(thing.get("apiVersion")), str(thing.get("kind")))
    if model is None:
        yield f"no schema is known for {thing.get('apiVersion')}: add its type to foreign_types.py"
        return
    mistyped = list(_against_type(thing, model))
    yield from mistyped or ranges.problems(thing)


def _is_built_in(api_version: str) -> bool:
    group, _, version = api_version.rpartition("/")
    return bool(version) and (not group or group in OURS or group.endswith(".k8s.io"))


def against_kubernetes(thing: Object, version: str) -> str | None:
    """Return what a Kubernetes of that version would refuse of an object of its own; or None."""
    kind, api_version = str(thing.get("kind")), str(thing.get("apiVersion"))
    validator = _validator(kind, api_version, version)
    if validator is None:
        return f"Kubernetes {version} has no schema of {kind} with API version {api_version}"
    error = next(validator.iter_errors(thing), None)
    if error is None:
        return None
    place = ".".join(str(step) for step in error.path)
    return f"{place}: {error.message} (Kubernetes {version})"


@cache
def _validator(kind: str, api_version: str, version: str) -> Draft202012Validator | None:
    """Return the strict one that kubernetes_validate makes anew for each object; None without one.

    Its files have the group without its domain: networkpolicy-networking-v1.json.
    """
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    try:
        schema = utils.schema_contents(f"{_folder(version)}/{kind.lower()}-{group}.json", version)
    except FileNotFoundError:
        return None
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _defined(version))


@cache
def _defined(version: str) -> Registry[Any]:
    definitions = utils.schema_contents(f"{_folder(version)}/_definitions.json", version)
    registry: Registry[Any] = Resource.from_contents(definitions) @ Registry()
    return registry.crawl()


def _folder(version: str) -> str:
    return f"kubernetes-json-schema/v{version}-local-strict"


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
