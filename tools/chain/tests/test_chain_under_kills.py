"""The full chain while the gateway is killed: lost 0, crossed 0, each double with a cause.

200 orders in each way, every tenth pinned; `python -m tools.chain` sends 20,000, and kills twice in
each. Here a start of a gateway costs more than the orders, so that one way has the second kill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.demo.audit import PATHS, Defect
from gateway.demo.opentelemetry.node import NoNodeError
from tools.chain.run import WAYS, plan_of, run

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = 200
KILLS = {"sender": 1, "opentelemetry": 1, "queues": 2}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("way", WAYS)
async def test_every_order_stays_in_its_version_through_kills(way: str, tmp_path: Path) -> None:
    try:
        outcome = await run(
            way, plan_of(ORDERS, KILLS[way], seed=1, visibility_seconds=5), tmp_path
        )
    except NoNodeError as error:
        pytest.skip(f"Node: {str(error)[:200]}")
    assert len(outcome.kills) == KILLS[way]
    audit = outcome.result.audit
    assert {kind: audit.defects[kind] for kind in (Defect.LOST, Defect.CROSSED)} == {
        Defect.LOST: (),
        Defect.CROSSED: (),
    }
    assert outcome.doubles.unexplained == ()
    assert [path.path for path in audit.paths] == list(PATHS.values())
    assert sum(path.split + path.pinned for path in audit.paths) == ORDERS
    assert [check for check in outcome.checks if not check.good] == []


def test_the_kills_are_at_the_same_arrivals_in_each_run_of_a_seed() -> None:
    plan = plan_of(20_000, 2, seed=1)
    assert plan == plan_of(20_000, 2, seed=1)
    assert plan != plan_of(20_000, 2, seed=2)
    assert all(2_000 <= arrivals < 18_000 for arrivals in plan.kills)
