"""What `gateway iam` prints is what the gateway calls: no permission too few, none too many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.integration.children import run_gateway
from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.sqs_front import SqsFront
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.loop_thread import LoopThread

ACCOUNT: Final = "000000000000"  # the emulator's
FORMS: Final = ("by-name", "by-url")


@pytest.fixture(scope="module")
def called(
    emulator: EmulatedSqs,
    new_service: NewService,
    thread: LoopThread,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[SqsFront, Path]]:
    """One message of each route is taken, one fails at first, one is rejected."""
    front, service = SqsFront(emulator.endpoint, thread), new_service("service")
    routes = []
    for form in FORMS:
        queue, letters = emulator.create(form), emulator.create(f"{form}-dead")
        bodies = [f"{form} {fate}" for fate in ("taken", "failed", "rejected")]
        service.on(bodies[1], Answer(503), Answer())
        service.on(bodies[2], Answer(422))
        queue.send_all([Draft(body) for body in bodies])
        at_front = [each.url.replace(emulator.endpoint, front.url) for each in (queue, letters)]
        names = [form, f"{form}-dead"] if form == "by-name" else at_front
        about = {"queue": names[0], "reject": names[1], "versions": {"a": service.url}}
        routes.append({"name": form, "wait": "1s", "retry": {"min": 1, "max": 1}, **about})
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, {"routes": routes}, front.url) as gateway:
        for form in FORMS:
            until(lambda form=form: emulator.ledger(form)["deleted"] == 3, f"{form} to be empty")  # type: ignore[misc]
        yield front, gateway.file
    front.close()


def _policies(file: Path, *more: str) -> Any:
    result = run_gateway("iam", "--config", str(file), "--region", "eu-west-1", *more)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def _operations(front: SqsFront, queue: str) -> set[str]:
    """Return the actions that were called, by the names that IAM has for them."""
    return {"sqs:" + call.operation.removesuffix("Batch") for call in front.calls(queue)}


@pytest.mark.parametrize("form", FORMS)
def test_a_policy_allows_exactly_what_a_route_calls(
    called: tuple[SqsFront, Path], form: str
) -> None:
    front, file = called
    consume, send = _policies(file, "--account", ACCOUNT)[form]["Statement"]
    assert consume["Resource"] == f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{form}"
    assert set(consume["Action"]) == _operations(front, form)
    assert send["Resource"] == f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{form}-dead"
    assert set(send["Action"]) == _operations(front, f"{form}-dead")


def test_a_route_s_own_policy_is_printed_alone(called: tuple[SqsFront, Path]) -> None:
    _, file = called
    alone = _policies(file, "--account", ACCOUNT, "--route", "by-url")
    assert alone == _policies(file, "--account", ACCOUNT)["by-url"]


def test_merged_is_one_policy_for_the_role_of_a_pod(called: tuple[SqsFront, Path]) -> None:
    _, file = called
    each = _policies(file, "--account", ACCOUNT)
    merged = _policies(file, "--account", ACCOUNT, "--merged")
    assert merged["Statement"] == [one for form in FORMS for one in each[form]["Statement"]]
