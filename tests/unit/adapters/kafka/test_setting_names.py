"""Which settings librdkafka knows, and what a routing file with others is told."""

from __future__ import annotations

import sys

import pytest

from gateway.adapters.kafka.setting_names import KNOWN, SettingNames
from gateway.config import loader
from gateway.config.problems.problem import ProblemsFound

ROUTES = """routes:
  - name: orders
    kafka:
      brokers: ["kafka:9092"]
      topic: orders
      group: orders
      start: earliest
      settings:
        session.timeout.ms: 6000
        %s: x
    versions: {stable: "http://b.shop:8080/events"}
    reject: block
"""


def test_each_name_that_may_be_suggested_is_one_that_librdkafka_knows() -> None:
    assert [name for name in KNOWN if not SettingNames().knows(name)] == []


@pytest.mark.parametrize("name", ["no.such.setting", "error_cb", "dr_cb", "opaque"])
def test_unknown_names_and_callbacks_are_known_as_such(name: str) -> None:
    assert not SettingNames().knows(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("sasl.user.name", "did you mean sasl.username?"), ("zzz", "see librdkafka's")],
)
def test_a_setting_that_librdkafka_does_not_know_is_a_problem_with_its_line(
    name: str, hint: str
) -> None:
    with pytest.raises(ProblemsFound) as found:
        loader.load((ROUTES % name).encode(), "routes.yaml", SettingNames)
    (problem,) = found.value.problems
    assert problem.line == 10
    assert "is no setting of librdkafka" in str(problem)
    assert hint in str(problem)


@pytest.mark.parametrize("name", ["group.id", "Upper.Case"])
def test_a_name_that_is_a_problem_already_is_one_problem(name: str) -> None:
    with pytest.raises(ProblemsFound) as found:
        loader.load((ROUTES % name).encode(), "routes.yaml", SettingNames)
    assert len(found.value.problems) == 1


def test_without_the_library_no_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert SettingNames().knows("no.such.setting")
