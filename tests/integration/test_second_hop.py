"""A queue between B and C, for real: the chart's Deployments as processes, each its own sender.

B and B1 send with a plain SDK, without an attribute; C and C1 know nothing of versions either. Who
sent a message is all that the gateway has to lead it on by.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from gateway.core.addresses import parse_queue
from gateway.demo.audit import PATHS, Defect
from tests.chart.chain import CHAIN_CHART, rendered_chain, routes
from tests.integration.chain_processes import ChainProcesses
from tests.integration.side_by_side import pinned, send_side_by_side, unpinned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chart.rendering import Object
    from tests.integration.emulator import EmulatedSqs

pytestmark = pytest.mark.timeout(180)

EMULATOR: Final = CHAIN_CHART / "values-emulator.yaml"
UNPINNED: Final = 80
PINNED: Final = 10
UNNAMED: Final = 20


def of(values: str) -> list[Object]:
    """Return the chain with a value file of the chart, for an emulator."""
    sets = ["gateway.fullnameOverride=sqs-version-gateway"]
    return rendered_chain(EMULATOR, CHAIN_CHART / f"{values}.yaml", sets=sets)


@contextmanager
def running(objects: list[Object], emulator: EmulatedSqs, folder: Path) -> Iterator[ChainProcesses]:
    """Run the chain with queues that nobody has used."""
    for route in routes(objects).values():
        own = [version.queue for version in route.versions if version.queue]
        for queue in (route.queue, *own):
            emulator.create(parse_queue(queue.text).name)
    with ChainProcesses(objects, folder, emulator.endpoint, meshed=False) as chain:
        yield chain


def crossed_or_lost(chain: ChainProcesses, names: str) -> set[Defect]:
    """Send orders, some pinned; return the kinds of defects that there are."""
    orders = unpinned(UNPINNED, names) + pinned(PINNED, names, "v1") + pinned(PINNED, names, "v2")
    account = send_side_by_side(chain, orders, []).messages
    pins = {path.path: path.pinned for path in account.paths}
    assert pins == dict.fromkeys(PATHS.values(), PINNED)
    return {defect for defect, those in account.defects.items() if those}


def test_what_b1_sends_comes_to_c1_by_its_session_and_by_nothing_else(
    emulator: EmulatedSqs, tmp_path: Path
) -> None:
    """One in ten by the first split, some pinned: every order takes one of the two paths once.

    Without B1's session its orders are split anew: nothing but the sender leads them to C1.
    """
    with running(of("values-second-queue"), emulator, tmp_path) as chain:
        assert not crossed_or_lost(chain, "order")
        chain.restart("b1", AWS_ACCESS_KEY_ID="AROAEMULATED:botocore-session-1700000000")
        account = send_side_by_side(chain, pinned(UNNAMED, "unnamed", "v2"), []).messages
    assert len(account.defects[Defect.CROSSED]) > UNNAMED / 2


def test_what_b1_sends_to_a_queue_of_b1_comes_to_c1(emulator: EmulatedSqs, tmp_path: Path) -> None:
    with running(of("values-queues"), emulator, tmp_path) as chain:
        defects = crossed_or_lost(chain, "order")
    assert defects <= {Defect.MISROUTED}  # who polls hands no header on, so D sees none
