"""Ports: the usual ones where they are free."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from gateway.demo import addresses
from gateway.demo.addresses import LOOPBACK, USUAL, Addresses, choose, claim

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def claimed(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port to claim by that no demo beside this test has."""
    port = free_port()
    monkeypatch.setattr(addresses, "CLAIM", port)
    return port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_free_port_is_kept() -> None:
    port = free_port()
    assert choose({"B": port}).ports == {"B": port}


def test_a_taken_port_is_left_to_its_process(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    assert choose({"B": taken}).ports["B"] != taken


def test_a_port_is_taken_too_by_one_who_listens_on_every_address() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        taken = server.getsockname()[1]
        assert choose({"B": taken}).ports["B"] != taken


def test_no_two_get_the_same_port(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    chosen = choose({str(number): taken for number in range(20)}).ports.values()
    assert len(set(chosen)) == 20


def test_who_moved_is_known_with_the_port_that_it_wanted() -> None:
    assert Addresses({**USUAL, "B1": 1, "gateway": 2}).moved() == {"B1": 18112, "gateway": 8080}


def test_a_second_demo_leaves_the_usual_ports_to_the_first_before_that_listens(
    claimed: int,
) -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, claimed)), claim():
        assert choose({"B": port}).ports["B"] != port
    assert choose({"B": port}).ports == {"B": port}


def test_the_first_demo_claims_the_usual_ports_until_it_ends() -> None:
    port = free_port()
    with claim():
        assert choose({"B": port}).ports == {"B": port}
        with claim():
            assert choose({"B": port}).ports["B"] != port
        assert choose({"B": port}).ports == {"B": port}
    with claim():
        assert choose({"B": port}).ports == {"B": port}


def test_urls_have_the_port_and_the_path() -> None:
    assert Addresses({"A": 7}).url("A", "/orders") == "http://127.0.0.1:7/orders"
