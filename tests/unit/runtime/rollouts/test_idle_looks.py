"""What judging costs while nothing happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.runtime.rollouts import route_rollout
from tests.fakes import VIRTUAL_TIME
from tests.fakes.judged import judged, route_of

if TYPE_CHECKING:
    import pytest

pytestmark = VIRTUAL_TIME

ROLLOUT = "rollout: {steps: [10, 100], every: 10s, min_messages: 5}"


async def test_an_idle_canary_is_judged_every_5_s_and_a_busy_one_every_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[float] = []
    look = route_rollout.look

    def counted(known: object, plan: object, values: object, now: float) -> object:
        looks.append(now)
        return look(known, plan, values, now)  # type: ignore[arg-type]

    monkeypatch.setattr(route_rollout, "look", counted)
    async with judged(route_of(ROLLOUT)) as one:
        await one.until(lambda: one.weight == 10)
        looks.clear()
        await one.rig.rest(100)
        assert 15 <= len(looks) <= 25
        looks.clear()
        await one.load(8)
        assert len(looks) >= 6


async def test_a_route_that_nothing_judges_is_never_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[object] = []
    monkeypatch.setattr(route_rollout.RouteRollout, "put_in_force", lambda *a, **k: looks.append(a))
    async with judged(route_of("")) as one:
        await one.rig.rest(5)
        looks.clear()
        await one.rig.rest(1000)
        assert not looks
