"""For how long a message is kept away, to the second, by the emulator's ledger (section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

RETRY = {"min": "2s", "max": "77s"}
HALF_A_DAY = 12 * 3600


class Stage:
    """One route whose service fails each message once, and the ledger of its queue."""

    def __init__(self, service: Service, sqs: EmulatedSqs) -> None:
        self.service, self._sqs = service, sqs
        self._queue = sqs.create("kept-away")

    def kept_away(self, answer: Answer, messages: int = 1) -> list[int]:
        """Return the visibilities that messages get for this answer, in seconds."""
        drafts = [Draft(f"{answer} {number}") for number in range(messages)]
        for draft in drafts:
            self.service.on(draft.body, answer, Answer())
        self._queue.send_all(drafts)
        until(lambda: len(self._seconds(drafts)) == messages, f"{messages} visibility changes")
        return self._seconds(drafts)

    def _seconds(self, drafts: list[Draft]) -> list[int]:
        history = self._sqs.history("kept-away")
        events = [event for draft in drafts for event in history[draft.body]]
        return [number for what, number in events if what == "visibility_changed"]


@pytest.fixture(scope="module")
def stage(
    emulator: EmulatedSqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    service = new_service("service")
    stage = Stage(service, emulator)
    route: dict[str, Any] = {
        "name": "kept-away",
        "queue": "kept-away",
        "wait": "1s",
        "visibility": "10m",
        "versions": {"stable": service.url},
        "retry": RETRY,
    }
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, {"routes": [route]}, emulator.endpoint):
        yield stage


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("said", "seconds"), [("0", 0), ("7", 7), ("100", 100), ("1.2", 2)])
def test_retry_after_is_kept_to_the_second(
    stage: Stage, status: int, said: str, seconds: int
) -> None:
    """Beyond `retry.max` too: it is the service's word. Parts of a second round up."""
    assert stage.kept_away(Answer(status, {"retry-after": said})) == [seconds]


def test_retry_after_is_capped_at_what_is_left_of_twelve_hours(stage: Stage) -> None:
    """SQS would refuse more, counted from the receive, and the message would be back at once."""
    (seconds,) = stage.kept_away(Answer(503, {"retry-after": "999999"}))
    assert HALF_A_DAY - 60 < seconds < HALF_A_DAY


def test_the_first_backoff_is_spread_between_min_and_twice_min(stage: Stage) -> None:
    """uniform(2, min(77, 2 x 2^1)) rounded up: 3 or 4, and 2 only where the dice say 0."""
    seconds = stage.kept_away(Answer(500), 60)
    assert set(seconds) <= {2, 3, 4}
    assert {3, 4} <= set(seconds)


def test_a_rejected_message_is_left_to_the_redrive_policy_at_maximum_backoff(stage: Stage) -> None:
    assert stage.kept_away(Answer(400)) == [77]
    assert stage.kept_away(Answer(302, {"location": "http://127.0.0.1:1/"})) == [77]
