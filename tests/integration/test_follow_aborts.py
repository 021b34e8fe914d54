"""An abort of Flagger or Argo Rollouts is in force, through all that becomes of the connection.

The whole process, under load, over HTTPS with a token and an authority. A half-open connection is
in tests/contract/test_following_in_time.py: its deadline is too long for a test in real time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.followed_load import (
    CANARY,
    FollowedLoad,
    Load,
    followed_route,
    weighted,
)
from tests.integration.gateway_process import GatewayProcess
from tests.integration.kube_server import NAME, SERVICES, KubeServer
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.demo.kubernetes.app import KubeApi
    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.loop_thread import LoopThread

Trouble = Callable[[KubeServer, Callable[[], None]], None]
"""Does something to the connection, and has the controller abort on the way."""


# ---- what the controllers write ---------------------------------------------------------


def flagger_rises(kube: KubeServer) -> None:
    """Weights in steps; the object is replaced whole, with a mirror at first."""
    kube.write(weighted(0, mirror=CANARY, mirrorPercentage={"value": 10}))
    for weight in (10, 20, 30):
        kube.write(weighted(weight))


def flagger_aborts(kube: KubeServer) -> None:
    """All to the primary; then what reconciles repeats it, and the status is written."""
    kube.write(weighted(0))
    kube.write(weighted(0))
    kube.do(lambda api: api.objects.merge_patch(SERVICES, NAME, {"status": {"seen": 1}}))


def header_route() -> dict[str, Any]:
    return {
        "name": "to-canary",
        "match": [{"headers": {"x-tester": {"exact": "yes"}}}],
        "route": [{"destination": CANARY, "weight": 100.0}],
    }


def argo_rises(kube: KubeServer) -> None:
    """A managed header route first, then the weight, with an update each."""
    kube.write(weighted(0.0, name="primary"))
    kube.write(weighted(0.0, header_route(), name="primary"))
    kube.write(weighted(30.0, header_route(), name="primary"))


def argo_aborts(kube: KubeServer) -> None:
    """Managed routes go with one update, the weights with another."""
    kube.write(weighted(30.0, name="primary"))
    kube.write(weighted(0.0, name="primary"))


CONTROLLERS = {"flagger": (flagger_rises, flagger_aborts), "argo": (argo_rises, argo_aborts)}


# ---- what becomes of the connection -----------------------------------------------------


def nothing(_: KubeServer, abort: Callable[[], None]) -> None:
    abort()


def slow_relist(kube: KubeServer, abort: Callable[[], None]) -> None:
    lists = kube.count("list")
    kube.do(lambda api: api.script.lists_open.clear())
    kube.do(lambda api: api.cut_watches(cleanly=False))
    until(lambda: kube.count("list") > lists, "a list")
    abort()
    kube.do(lambda api: api.script.lists_open.set())


def closed_in_silence(kube: KubeServer, abort: Callable[[], None]) -> None:
    kube.do(lambda api: api.cut_watches())
    abort()


def broken(kube: KubeServer, abort: Callable[[], None]) -> None:
    kube.do(lambda api: api.cut_watches(cleanly=False))
    abort()


def expired_by_event(kube: KubeServer, abort: Callable[[], None]) -> None:
    def expire(api: KubeApi) -> None:
        api.script.silent = True
        api.expire_watches()
        api.script.silent = False

    kube.do(expire)
    abort()


def expired_by_status(kube: KubeServer, abort: Callable[[], None]) -> None:
    """The watch has had an event and is resumed from it, too late."""

    def expire(api: KubeApi) -> None:
        api.script.silent = True
        api.objects.merge_patch(SERVICES, NAME, {"status": {"unseen": time.monotonic()}})
        api.objects.forget_changes()
        api.script.silent = False
        api.cut_watches()

    kube.do(expire)
    abort()


def new_token(kube: KubeServer, abort: Callable[[], None]) -> None:
    """Calls get 401 until the new token is in its file."""
    (before,) = kube.do(lambda api: set(api.script.tokens))
    requests = kube.do(lambda api: len(api.requests))
    kube.do(lambda api: setattr(api.script, "tokens", {f"{before}+"}))
    kube.do(lambda api: api.cut_watches(cleanly=False))
    until(lambda: kube.do(lambda api: len(api.requests)) > requests + 1, "calls with the old token")
    abort()
    kube.write_token(f"{before}+\n")


def restarted(kube: KubeServer, abort: Callable[[], None]) -> None:
    kube.stop()
    abort()
    kube.start()


TROUBLES: dict[str, Trouble] = {
    each.__name__: each
    for each in (
        nothing,
        slow_relist,
        closed_in_silence,
        broken,
        expired_by_event,
        expired_by_status,
        new_token,
        restarted,
    )
}


@pytest.fixture(scope="module")
def kube(thread: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    with KubeServer(thread, tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture(scope="module")
def followed(
    kube: KubeServer,
    emulator: EmulatedSqs,
    new_service: NewService,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FollowedLoad]:
    stable, canary = new_service("stable"), new_service("canary")
    queue = emulator.create("follow-aborts")
    kube.write(weighted(0))
    gateway = GatewayProcess(
        tmp_path_factory.mktemp("gateway"),
        {"routes": [followed_route(queue, stable, canary)]},
        emulator.endpoint,
        environment=kube.environment,
    )
    with gateway, Load(queue, (stable, canary)) as load:
        yield FollowedLoad(gateway, load, canary)


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_after_an_abort_no_message_goes_to_the_canary(
    kube: KubeServer, followed: FollowedLoad, controller: str, trouble: str
) -> None:
    """All that were sent after the gateway has shown the weights in force; testers' ones too."""
    rises, aborts = CONTROLLERS[controller]
    rises(kube)
    followed.wait_for_weight(30)
    before = followed.canary_share()
    assert before["others"] > 0
    assert before["testers"] > before["others"] / 4 or controller == "flagger"
    TROUBLES[trouble](kube, lambda: aborts(kube))
    seconds = followed.wait_for_weight(0)
    print(f"{controller}, {trouble}: in force after {seconds:.2f} s")
    assert followed.canary_share() == {"testers": 0, "others": 0}
    assert followed.route["follow"]["valid"]
