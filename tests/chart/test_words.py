"""Words that YAML takes for numbers, booleans or nothing stay the texts that they are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.chart import documents, schemas, tools, wiring
from tests.chart.chain import CHAIN_CHART
from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.chart.rendering import Object

WORDS: Final = ("1234567", "true", "null", "12e4567", "0x1f", "0o17", "010", "yes", "off", "y", "1")
NEUTRAL: Final = "neutralword"
"""A word that is nothing else, and that nothing else in a rendering contains."""

ELSEWHERE: Final = {
    "aws.region",
    "existingConfigMap",
    "existingSecret",
    "keda.accountId",
    "nameOverride",
    "namespaceOverride",
    "routingFile",
    "serviceAccount.name",
    "keda.authentication.existing",
    "keda.kafka.authentication",
    "admin.host",
    "image.registry",
    "monitoring.prometheusRule.runbooks",
}
"""String values that have a set of their own below, since they exclude others or each other."""


def _texts(word: str) -> dict[str, Any]:
    """Return values with the word in every place where a text may be any word."""
    labels = {"example.com/a": word, word: word}
    return {
        "fullnameOverride": "gateway",
        "aws": {
            "region": "eu-west-1",
            "credentialsSecret": {
                "name": word,
                "accessKeyIdKey": word,
                "secretAccessKeyKey": word,
                "sessionTokenKey": word,
            },
        },
        "admin": {
            "token": {"secretName": word, "key": word},
            "protectMetrics": True,
            "service": {"annotations": labels, "labels": labels},
        },
        "serviceAccount": {"annotations": labels},
        "image": {"repository": word, "tag": word, "pullSecrets": [word, {"name": word + "2"}]},
        "global": {"imageRegistry": word, "imagePullSecrets": [word + "3"]},
        "nodeSelector": labels,
        "tolerations": [{"key": word, "value": word, "effect": "NoSchedule"}],
        "priorityClassName": word,
        "runtimeClassName": word,
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": [word]}],
        "extraEnv": [{"name": "TEAM", "value": word}],
        "commonLabels": labels,
        "commonAnnotations": labels,
        "labels": labels,
        "annotations": labels,
        "podLabels": labels,
        "podAnnotations": labels,
        "keda": {"enabled": True, "authentication": {"identity": "secret"}, "annotations": labels},
        "networkPolicy": {"enabled": True, "monitoringNamespace": word},
        "istio": {
            "injection": "enabled",
            "namespace": word,
            "serviceEntry": {"enabled": True, "hosts": [word]},
            "authorizationPolicy": {"enabled": True, "namespaces": [word], "principals": [word]},
        },
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": labels},
            "podMonitor": {"enabled": True, "labels": labels},
            "prometheusRule": {"enabled": True, "labels": labels},
            "dashboard": {"enabled": True, "labels": labels, "annotations": labels},
        },
        "flagger": {"enabled": True, "prometheus": "http://p:9090", "secretName": word},
        "argoRollouts": {"enabled": True},
        "test": {"nodeSelector": labels, "labels": labels, "annotations": labels},
        "routes": [
            {
                "name": "orders",
                "queue": f"https://sqs.eu-west-1.amazonaws.com/123456789012/{word}",
                "versions": {"stable": {"url": "http://b.shop/", "tag": word}},
            }
        ],
    }


OTHERS: Final[list[Callable[[str], dict[str, Any]]]] = [
    lambda word: {"existingConfigMap": word, "serviceAccount": {"name": word}},
    lambda word: {"existingSecret": word, "serviceAccount": {"name": word, "create": False}},
    lambda word: {
        "fullnameOverride": "gateway",
        "nameOverride": word,
        "namespaceOverride": word,
        "monitoring": {"serviceMonitor": {"enabled": True}},
        "image": {"registry": word},
        "admin": {"host": word},
        "aws": {"region": "eu-west-1"},
        "keda": {"enabled": True, "authentication": {"existing": word}},
    },
]
"""Each excludes the others, or what is in `_texts`."""


def _rendered(values: dict[str, Any], folder: Path, **more: Any) -> list[Object]:
    path = folder / "values.yaml"
    path.write_text(json.dumps(values))
    return render(GATEWAY_CHART, path, **more)


def _replaced(part: Any, word: str) -> Any:
    if isinstance(part, dict):
        return {_replaced(key, word): _replaced(value, word) for key, value in part.items()}
    if isinstance(part, list):
        return [_replaced(one, word) for one in part]
    return part.replace(NEUTRAL, word) if isinstance(part, str) else part


def _settled(objects: list[Object]) -> Any:
    """Read the routing file, whose layout differs; put lists that a template sorts in order."""
    for one in objects:
        if isinstance((one.get("data") or {}).get("routes.yaml"), str):
            one["data"]["routes.yaml"] = documents.load(one["data"]["routes.yaml"])
        if one["kind"] == "ServiceEntry":
            one["spec"]["hosts"].sort()
    return objects


@pytest.fixture(scope="module")
def neutral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all words: what is rendered with the innocent one is rendered once."""
    return tmp_path_factory.mktemp("neutral")


@pytest.mark.parametrize(
    ("word", "helm"),
    [*((word, tools.helm) for word in WORDS), *((word, tools.helm_3) for word in WORDS[:5])],
    ids=[*WORDS, *(f"{word}-helm3" for word in WORDS[:5])],
)
def test_every_text_of_the_values_stays_the_word_that_it_is(
    word: str, helm: Callable[[], Path], neutral: Path, tmp_path: Path
) -> None:
    """Rendered with an innocent word, and the word put in its place: that is what has to come."""
    for texts in (_texts, *OTHERS):
        expected = _settled(_rendered(texts(NEUTRAL), neutral, helm=helm))
        found = _settled(_rendered(texts(word), tmp_path, helm=helm))
        meant = _settled([dict(_replaced(one, word)) for one in expected])
        assert found == meant
        assert [problem for one in found for problem in _problems(one)] == []


def _problems(one: Object) -> list[str]:
    if isinstance((one.get("data") or {}).get("routes.yaml"), dict):
        one = one | {"data": {"routes.yaml": yaml.safe_dump(one["data"]["routes.yaml"])}}
    return schemas.problems(one)


def _strings(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, part in schema.get("properties", {}).items():
        place = f"{path}.{key}".removeprefix(".")
        if "string" in str(part.get("type")) and "enum" not in part:
            yield place, part.get("pattern", "")
        yield from _strings(part, place)


def test_no_text_of_the_values_is_left_out() -> None:
    """A string value that takes such a word is in one of the sets."""
    schema = json.loads((GATEWAY_CHART / "values.schema.json").read_text())
    told = yaml.safe_load(json.dumps(_texts(NEUTRAL)))
    for place, pattern in _strings(schema):
        if any(re.search(pattern, word) for word in WORDS) and place not in ELSEWHERE:
            found: Any = told
            for step in place.split("."):
                found = found.get(step, {})
            assert found or place == "image.digest", place


@pytest.mark.parametrize("word", [*WORDS, "1.2", "a.b", "9"])
@pytest.mark.parametrize("helm", [tools.helm, tools.helm_3], ids=["helm4", "helm3"])
def test_a_release_may_have_any_name_that_helm_takes(word: str, helm: Callable[[], Path]) -> None:
    """A Service's name has no dots and begins with a letter: it is mended."""
    everything = GATEWAY_CHART / "ci" / "everything-values.yaml"
    objects = render(GATEWAY_CHART, everything, release=word, namespace="123", helm=helm)
    assert [problem for one in objects for problem in schemas.problems(one)] == []
    assert wiring.problems(objects, frozenset({("Secret", "gateway-admin")})) == []
    for one in objects:
        assert one["metadata"]["namespace"] == "123"
        if one["kind"] != "Pod":
            assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == word
    (service,) = (one for one in objects if one["kind"] == "Service")
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", service["metadata"]["name"])


@pytest.mark.parametrize("word", WORDS)
def test_the_chain_may_have_any_name_too(word: str) -> None:
    objects = render(CHAIN_CHART, release=word, namespace="123")
    assert [problem for one in objects for problem in schemas.problems(one)] == []
    assert wiring.problems(objects) == []


def test_a_name_of_ones_own_that_begins_with_a_digit_is_refused() -> None:
    told = refusal(GATEWAY_CHART, sets=["fullnameOverride=1st"])
    assert "fullnameOverride: begins with a digit, which the name of a Service may not" in told
