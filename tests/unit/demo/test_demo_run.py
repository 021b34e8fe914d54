"""How the demo begins, and how it does not."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

import gateway.demo
from gateway.demo.mesh import envoy

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


@pytest.mark.parametrize("missing", ["ministack", "rich"])
def test_without_its_extra_the_demo_says_how_to_get_it(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(name: str) -> ModuleSpec | None:
        return None if name == missing else find_spec(name)

    monkeypatch.setattr(gateway.demo, "find_spec", found)
    for run in (
        lambda: gateway.demo.run(messages=10, keep_running=False),
        lambda: gateway.demo.run_scenario("bad-canary"),
    ):
        assert run() == 1
        said = capsys.readouterr()
        assert "pip install 'sqs-version-gateway[demo]'" in said.err
        assert (said.out, said.err.count("\n")) == ("", 1)


def test_without_an_envoy_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(envoy, "find_envoy", lambda: None)
    assert gateway.demo.run(messages=10, keep_running=False, with_envoy=True) == 1
    said = capsys.readouterr()
    assert "pip install 'sqs-version-gateway[demo-envoy]'" in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("messages", [0, -1])
def test_a_demo_of_no_messages_is_refused(
    messages: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in (gateway.demo.run, gateway.demo.run_with_kafka):
        assert run(messages=messages, keep_running=False) == 2
        assert capsys.readouterr().err == f"--messages {messages}: must be 1 or more\n"


def test_without_the_extra_kafka_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(name: str) -> ModuleSpec | None:
        return None if name == "confluent_kafka" else find_spec(name)

    monkeypatch.setattr(gateway.demo, "find_spec", found)
    assert gateway.demo.run_with_kafka(messages=10, keep_running=False) == 1
    said = capsys.readouterr()
    assert "pip install 'sqs-version-gateway[demo,kafka]'" in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
