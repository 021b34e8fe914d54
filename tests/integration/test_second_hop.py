"""A queue between B and C, for real: the chart's Deployments as processes, each its own sender.

B and B1 send with a plain SDK, without an attribute; C and C1 know nothing of versions either. Who
sent a message is all that the gateway has to lead it on by.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from gateway.core.addresses import parse_queue
from gateway.demo.audit import PATHS, Defect
from tests.chart.chain import CHAIN_CHART, found, rendered_chain, routes
from tests.integration.chain_processes import ChainProcesses
from tests.integration.side_by_side import pinned, send_side_by_side, unpinned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chart.rendering import Object
    from tests.integration.emulator import EmulatedSqs

pytestmark = pytest.mark.timeout(180)

EMULATOR: Final = CHAIN_CHART / "values-emulator.yaml"
UNPINNED: Final = 200
PINNED: Final = 20


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


@pytest.mark.parametrize("values", ["values-second-queue", "values-queues"])
def test_what_b1_sends_comes_to_c1_and_no_order_crosses(
    values: str, emulator: EmulatedSqs, tmp_path: Path
) -> None:
    """One in ten by the first split, some pinned: every order takes one of the two paths once."""
    orders = (
        unpinned(UNPINNED, values) + pinned(PINNED, values, "v1") + pinned(PINNED, values, "v2")
    )
    with running(of(values), emulator, tmp_path) as chain:
        account = send_side_by_side(chain, orders, []).messages
    defects = {defect for defect, those in account.defects.items() if those}
    if values == "values-queues":
        defects -= {Defect.MISROUTED}  # who polls hands no header on, so D sees none
    assert not defects
    assert {path.path: path.pinned for path in account.paths} == dict.fromkeys(
        PATHS.values(), PINNED
    )


def test_without_its_session_what_b1_sends_is_split_and_crosses(
    emulator: EmulatedSqs, tmp_path: Path
) -> None:
    """The test above can fail: nothing but the sender leads B1's orders to C1."""
    objects = copy.deepcopy(of("values-second-queue"))
    (container,) = found(objects, "Deployment", "b1")["spec"]["template"]["spec"]["containers"]
    (key,) = (each for each in container["env"] if each["name"] == "AWS_ACCESS_KEY_ID")
    key["value"] = "AROAEMULATED:botocore-session-1700000000"
    with running(objects, emulator, tmp_path) as chain:
        account = send_side_by_side(chain, pinned(PINNED, "unnamed", "v2"), []).messages
    assert len(account.defects[Defect.CROSSED]) > PINNED / 2
