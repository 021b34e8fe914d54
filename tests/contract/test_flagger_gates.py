"""Flagger's webhooks on the admin port: 200 or 403, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from structlog.testing import capture_logs

from gateway.adapters.admin.flagger import MAX_LINES, WINDOW_SECONDS, EventLog, Gate
from gateway.adapters.admin.policy import Protection
from gateway.core.rollout.judge import Verdict
from tests.fakes.rollouts import FakeRollouts, rollout_view
from tests.unit.adapters.admin.admin_port import serving
from tests.unit.adapters.fakes import Clock, FakeControl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

PAYLOAD: Final = {
    "name": "b",
    "namespace": "shop",
    "phase": "Progressing",
    "checksum": "85d557f47b",
    "metadata": {"eventMessage": "Advance b.shop canary weight 5", "eventType": "Normal"},
}
OPEN: Final = {
    "confirm-rollout": {"pass", "wait", "abort"},
    "confirm-traffic-increase": {"pass"},
    "confirm-promotion": {"pass"},
    "rollout": {"pass", "wait"},
    "rollback": {"abort"},
    "event": {"pass", "wait", "abort"},
}
"""By hand, from Flagger's meaning of each."""


@pytest.fixture
def rollouts() -> FakeRollouts:
    return FakeRollouts(rollout_view())


@pytest.fixture
async def session(rollouts: FakeRollouts) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(FakeControl(), rollouts=rollouts) as open_session:
        yield open_session


def path(gate: str, route: str = "orders") -> str:
    return f"/api/flagger/{route}/{gate}"


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("gate", list(Gate))
async def test_a_gate_is_open_or_refuses_with_the_reason(
    session: aiohttp.ClientSession, rollouts: FakeRollouts, gate: str, verdict: Verdict
) -> None:
    rollouts.seen["orders"] = rollout_view(verdict=verdict)
    async with session.post(path(gate), json=PAYLOAD) as answer:
        assert answer.status == (200 if verdict in OPEN[gate] else 403)
        assert answer.content_type == "text/plain"
        assert await answer.text() == f"{verdict}: 132 of 200 messages\n"
    assert not rollouts.asked


@pytest.mark.parametrize("gate", list(Gate))
@pytest.mark.parametrize("route", ["nowhere", "a" * 300, "%1b%5b31m", "%00"])
async def test_an_unknown_route_is_refused(
    session: aiohttp.ClientSession, gate: str, route: str
) -> None:
    async with session.post(path(gate, route), json=PAYLOAD) as answer:
        assert answer.status == 403
        text = await answer.text()
    assert "there are: orders" in text
    assert text.removesuffix("\n").isprintable()


@pytest.mark.parametrize("gate", list(Gate))
@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{", b" " * 70_000, b'{"metadata": 5}'])
async def test_whatever_the_body_is_the_status_is_200_or_403(
    session: aiohttp.ClientSession, gate: str, body: bytes
) -> None:
    async with session.post(path(gate), data=body) as answer:
        assert answer.status == (200 if "wait" in OPEN[gate] else 403)


@pytest.mark.parametrize("gate", list(Gate))
async def test_a_gate_needs_no_token_and_no_loopback(rollouts: FakeRollouts, gate: str) -> None:
    """Flagger can send no headers of one's own."""
    async with serving(FakeControl(), token="s3cret", rollouts=rollouts) as session:
        elsewhere = {"Host": "gateway.shop", "Origin": "http://elsewhere.test"}
        async with session.post(path(gate), json=PAYLOAD, headers=elsewhere) as answer:
            assert answer.status == (200 if "wait" in OPEN[gate] else 403)


@pytest.mark.parametrize("gate", list(Gate))
async def test_where_reads_are_protected_a_gate_says_the_verdict_alone(
    rollouts: FakeRollouts, gate: str
) -> None:
    protection = Protection(reads=True, metrics=True)
    async with serving(
        FakeControl(), token="s3cret", protection=protection, rollouts=rollouts
    ) as session:
        async with session.post(path(gate), json=PAYLOAD) as answer:
            assert answer.status == (200 if "wait" in OPEN[gate] else 403)
            assert await answer.text() == "wait\n"
        async with session.post(path(gate, "nowhere"), json=PAYLOAD) as answer:
            assert (answer.status, await answer.text()) == (403, "no such route\n")


@pytest.mark.parametrize("odd", ["/api/flagger/../routes", "/api/flagger/%2e%2e/routes"])
async def test_protected_reads_are_not_reached_through_the_gates(
    rollouts: FakeRollouts, odd: str
) -> None:
    from yarl import URL

    protection = Protection(reads=True)
    async with serving(
        FakeControl(), token="s3cret", protection=protection, rollouts=rollouts
    ) as session:
        base = session._base_url
        assert base is not None
        there = URL(f"{base.origin()}{odd}", encoded=True)
        async with session.get(there) as answer:
            assert answer.status in (401, 404)
            assert "generation" not in await answer.text()


async def test_a_gate_takes_post_alone(session: aiohttp.ClientSession) -> None:
    async with session.get(path("rollout")) as answer:
        assert (answer.status, await answer.text()) == (405, "this path takes POST\n")


async def test_an_unknown_gate_is_404(session: aiohttp.ClientSession) -> None:
    async with session.post(path("pre-rollout")) as answer:
        assert answer.status == 404


# ---- events -------------------------------------------------------------------------------------


async def test_an_event_is_a_line_at_info_and_no_history(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    before = rollouts.seen["orders"]
    with capture_logs() as lines:
        async with session.post(path("event"), json=PAYLOAD) as answer:
            assert answer.status == 200
    assert lines == [
        {
            "log_level": "info",
            "event": "flagger event",
            "route": "orders",
            "canary": "b",
            "namespace": "shop",
            "phase": "Progressing",
            "kind": "Normal",
            "message": "Advance b.shop canary weight 5",
        }
    ]
    assert rollouts.seen["orders"] is before


@pytest.mark.parametrize("gate", [each for each in Gate if each is not Gate.EVENT])
async def test_a_gate_logs_nothing(session: aiohttp.ClientSession, gate: str) -> None:
    with capture_logs() as lines:
        async with session.post(path(gate), json=PAYLOAD):
            pass
    assert lines == []


def logged(body: dict[str, Any]) -> dict[str, Any]:
    with capture_logs() as lines:
        EventLog(Clock()).log("orders", body)
    (line,) = lines
    return dict(line)


def test_what_an_event_says_is_printable_and_bounded() -> None:
    line = logged({"name": "a\nforged", "metadata": {"eventMessage": "\x1b[31m" + "x" * 9_000}})
    assert line["canary"] == "a\\nforged"
    assert len(line["message"]) == 200
    assert line["message"].isprintable()


@pytest.mark.parametrize("body", [{}, {"name": 5, "metadata": []}, {"metadata": {"eventType": {}}}])
def test_what_is_no_text_is_left_out(body: dict[str, Any]) -> None:
    assert set(logged(body)) == {"log_level", "event", "route"}


def test_the_lines_in_a_minute_are_bounded_and_those_left_out_are_counted() -> None:
    clock = Clock()
    log = EventLog(clock)
    with capture_logs() as lines:
        for _ in range(MAX_LINES + 7):
            log.log("orders", {})
        assert len(lines) == MAX_LINES
        clock.now += WINDOW_SECONDS
        log.log("orders", {})
    assert len(lines) == MAX_LINES + 1
    assert lines[-1]["suppressed"] == 7
