"""`status`, `rollout` and `weight` as processes, against the admin port that a gateway has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.state_port import StateError
from tests.integration.admin_ports import Port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.loop_thread import LoopThread


@pytest.fixture
def port(thread: LoopThread) -> Iterator[Port]:
    port = Port(thread)
    yield port
    port.close()


def test_an_emergency_takes_two_commands(port: Port) -> None:
    """Weights by hand and abort, as the page on rolling back has them."""
    by_hand = port.run("weight", "orders", "canary=0")
    assert (by_hand.returncode, by_hand.stderr) == (0, "")
    assert by_hand.stdout.startswith(
        "orders: canary 0 %, stable 100 %, set by hand; paused at step 2 of 4"
    )
    aborted = port.run("rollout", "abort", "orders", "--reason", "prices are off")
    assert (aborted.returncode, aborted.stderr) == (0, "")
    assert aborted.stdout == (
        "orders: canary 0 %, stable 100 %; aborted at step 2 of 4: prices are off\n"
    )
    assert "@" in port.rollouts.asked[0].by
    assert port.rollouts.asked[1].reason == "prices are off"


def test_each_verb_does_what_it_says(port: Port) -> None:
    for words, said in {
        ("pause",): "orders: canary 5 %, stable 95 %; paused at step 2 of 4: paused by hand\n",
        ("resume",): "orders: canary 5 %, stable 95 %; progressing at step 2 of 4",
        ("promote",): "orders: canary 25 %, stable 75 %; waiting at step 3 of 4",
        ("abort",): "orders: canary 0 %, stable 100 %; aborted at step 3 of 4: aborted by hand\n",
        ("retry",): "orders: canary 1 %, stable 99 %; ",
        ("promote", "--full"): "orders: canary 100 %, stable 0 %; promoted",
    }.items():
        found = port.run("rollout", words[0], "orders", *words[1:])
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith(said)
    assert port.run("rollout", "status", "orders", "--wait").returncode == 0


def test_weights_are_set_and_taken_back(port: Port) -> None:
    assert (
        "canary 20 %, stable 80 %, set by hand"
        in port.run("weight", "plain", "canary=20", "stable=80").stdout
    )
    assert "set by hand" not in port.run("weight", "plain", "--clear").stdout


def test_what_the_gateway_refuses_is_1_and_a_sentence(port: Port) -> None:
    for words, why in {
        ("rollout", "pause", "plain"): "there is no rollout to pause; its phase is none (409)",
        ("rollout", "retry", "orders"): "there is nothing to retry (409)",
        ("rollout", "status", "none"): "there are: orders, back, plain (404)",
        ("weight", "orders", "b=5"): "orders has no version b: stable, canary (422)",
        (
            "weight",
            "orders",
            "canary=120",
        ): "the weight of canary must be 0 to 100, but is 120 (422)",
    }.items():
        found = port.run(*words)
        assert (found.returncode, found.stdout) == (1, "")
        assert why in found.stderr
        assert found.stderr.count("\n") == 1


def test_the_token_is_needed_and_the_right_one(port: Port) -> None:
    without = port.run("rollout", "pause", "orders", GATEWAY_ADMIN_TOKEN="")
    assert (without.returncode, port.rollouts.asked) == (1, [])
    assert "wants a token (401): set GATEWAY_ADMIN_TOKEN" in without.stderr
    other = port.run("weight", "orders", "canary=1", GATEWAY_ADMIN_TOKEN="another")
    assert (other.returncode, port.rollouts.asked) == (1, [])
    assert "has another token than GATEWAY_ADMIN_TOKEN here (401)" in other.stderr


def test_a_state_out_of_reach_is_said(port: Port) -> None:
    port.rollouts.error = StateError("the ConfigMap gateway is out of reach: timed out")
    found = port.run("rollout", "abort", "orders")
    assert found.returncode == 1
    assert "cannot do it now (503): the ConfigMap gateway is out of reach" in found.stderr
    assert "on this replica it holds already: abort on each" in found.stderr
    other = port.run("weight", "orders", "canary=0")
    assert other.returncode == 1
    assert "holds already" not in other.stderr


def test_the_table_shows_every_route(port: Port) -> None:
    found = port.run("status")
    assert (found.returncode, found.stderr) == (0, "")
    head, *rows = (line.split() for line in found.stdout.splitlines())
    assert head[:3] == ["ROUTE", "PHASE", "STEP"]
    assert [row[:4] for row in rows] == [
        ["orders", "progressing", "2/4", "5/-"],
        ["back", "idle", "-", "5/-"],
        ["plain", "none", "-", "10/-"],
    ]
    assert port.run("status", "--names").stdout.split() == ["orders", "back", "plain"]
    said = json.loads(port.run("status", "--json").stdout)
    assert said["routes"][0]["rollout"]["evidence"]["min_messages"] == 200
