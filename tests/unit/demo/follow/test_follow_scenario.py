"""The scenario of a followed object: its plan, its checks, and what a person reads of it."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from gateway.config.loader import load
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from gateway.demo.addresses import ON_TRIAL, Addresses
from gateway.demo.audit import Share
from gateway.demo.follow import checks
from gateway.demo.follow.checks import Write
from gateway.demo.follow.output import FollowOutput
from gateway.demo.follow.plan import FOLLOW, HOST, virtual_service
from gateway.demo.kubernetes.cluster import NAMESPACE
from gateway.demo.output import Output
from gateway.demo.rollout.arrivals import Arrival
from gateway.demo.rollout.plan import changed

PORTS = Addresses({**ON_TRIAL, "B1": 40_001})
RAISE = Write(30, 4.0, 0.1, 3.9, 1_000, Share("v2", 310, 1_000, 0.3))
ABORT = Write(0, 4.0, 0.2, 0.05, 1_000, Share("v2", 0, 1_000, 0.0))


def test_the_routing_file_follows_the_object_that_the_controller_writes() -> None:
    plan = changed(FOLLOW, 100, None, (10, 100))
    assert (plan.messages, plan.rate, plan.steps) == (100, FOLLOW.rate, (10, 100))
    (route,) = load(plan.routing(PORTS).encode(), "routes.yaml").routes
    assert route.follow is not None
    follow = route.follow.within(NAMESPACE)
    content = {"metadata": {"name": HOST, "namespace": NAMESPACE}, "spec": virtual_service(40)}
    followed = Followed(read_virtual_service(content), follow.follow, follow.versions)
    assert followed.not_applied == ""
    assert set(followed.destinations.values()) == {"stable", "canary"}
    (canary,) = (each for each in route.versions if each.name == "canary")
    assert canary.url == "http://127.0.0.1:40001/events"


def test_only_deliveries_to_the_canary_after_a_write_count() -> None:
    seen = [
        Arrival("order-1", 9.0, 9.1, 1, good=True, canary=True),
        Arrival("order-2", 10.5, 10.6, 1, good=True, canary=True),
        Arrival("order-3", 11.0, 11.1, 1, good=True),
        Arrival("order-4", 20.0, 20.1, 1, good=True, canary=True),
    ]
    assert checks.last_after(seen, 10.0, 20.0) == 0.5
    assert checks.last_after(seen, 11.0, 20.0) is None


@pytest.mark.parametrize(
    ("writes", "failed"),
    [
        ((RAISE, ABORT), []),
        ((replace(RAISE, in_force=5.5), ABORT), ["moved"]),
        ((replace(RAISE, in_force=None), ABORT), ["moved"]),
        ((replace(RAISE, share=Share("v2", 0, 1_000, 0.3)), ABORT), ["share"]),
    ],
)
def test_a_write_that_is_late_or_does_not_show_fails(
    writes: tuple[Write, ...], failed: list[str]
) -> None:
    assert [each.name for each in checks.write_checks(writes) if not each.good] == failed


def test_an_abort_says_when_the_last_delivery_to_the_canary_began() -> None:
    found = checks.abort_check(ABORT)
    assert (found.good, "began 0.05 s after the write" in found.text) == (True, True)
    assert not checks.abort_check(replace(ABORT, last=6.0)).good
    assert checks.abort_check(replace(ABORT, last=None)).text.startswith("no delivery")


def test_an_object_that_a_gateway_cannot_take_fails_with_the_reason() -> None:
    good = {"object": "VirtualService demo/b", "valid": True, "found": True, "problem": ""}
    bad = {**good, "valid": False, "problem": "no response in time"}
    assert checks.object_check([good, good]).good
    found = checks.object_check([good, bad])
    assert not found.good
    assert found.text == "VirtualService demo/b is valid on 1 of 2 gateways; no response in time"


def test_each_write_is_a_row_and_the_picture_says_where_to_look() -> None:
    file = io.StringIO()
    output = FollowOutput(Output(Console(file=file, width=40, highlight=False, emoji=False)))
    output.environment(PORTS, FOLLOW)
    output.writes([RAISE, ABORT, replace(ABORT, last=None, in_force=None, messages=0)])
    output.last_word(good=True)
    output.last_word(good=False)
    printed = file.getvalue()
    assert printed.isascii()
    assert "The controller writes 10, 30, 60 %, and then 0" in printed
    assert "http://127.0.0.1:8080/\n" in printed
    rows = [re.split(r" {2,}", line.strip()) for line in printed.splitlines()]
    assert ["30 %", "4.0", "0.10", "1,000", "31.0%"] in rows
    assert ["0 %", "4.0", "0.20", "1,000", "0.0%", "0.05"] in rows
    assert ["0 %", "4.0", "never", "0", "-", "none"] in rows
    assert "PASS: the queue moved with the VirtualService" in printed
    assert "FAIL: not all of this held" in printed
