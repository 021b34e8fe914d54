"""Credentials that change, end or are refused in mid-run: the gateway goes on with new ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess
from tests.integration.issuer import EARLY_SECONDS, Issuer
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.sqs_front import UNKNOWN_KEY, SqsFront, keys_of
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

    OnEnd = Callable[[Callable[[], None]], None]

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ROUTES = 2


class Stage:
    """Routes behind a front that knows keys, and a ledger of what was sent."""

    def __init__(self, name: str, sqs: EmulatedSqs, front: SqsFront, service: Service) -> None:
        self.sqs, self.front, self.service = sqs, front, service
        self.queues = [sqs.create(f"keys-{name}-{n}") for n in range(ROUTES)]
        self.sent: list[str] = []

    @property
    def routing(self) -> dict[str, Any]:
        versions = {"a": self.service.url}
        routes = [{"name": q.name, "queue": q.name, "versions": versions} for q in self.queues]
        return {"routes": [{**route, "wait": "1s"} for route in routes]}

    def send(self, what: str, count: int = 5) -> None:
        """Send so many to each queue."""
        for queue in self.queues:
            drafts = [Draft(f"{queue.name} {what} {n}") for n in range(count)]
            queue.send_all(drafts)
            self.sent += [draft.body for draft in drafts]

    def assert_each_came_once(self) -> None:
        """By both ledgers, once all is deleted; a message that was not lost may not be doubled."""
        for queue in self.queues:
            self.wait_until_deleted(queue.name)
        ours = {queue.name for queue in self.queues}
        came = [each.text for each in self.service.seen() if each.text.split()[0] in ours]
        assert sorted(came) == sorted(self.sent)
        for queue in self.queues:
            assert self.sqs.ledger(queue.name)["sent"] == len(self.sent) / ROUTES

    def refused(self, code: str) -> int:
        return sum(len(self.front.calls(queue.name, refusal=code)) for queue in self.queues)

    def wait_until_deleted(self, queue: str) -> None:
        """Return once a queue has had messages and has none any more."""
        until(
            lambda: 0 < self.sqs.ledger(queue)["sent"] == self.sqs.ledger(queue)["deleted"],
            f"all of {queue} to be deleted",
        )


@pytest.fixture
def on_end() -> Iterator[OnEnd]:
    """Take what is to be closed after the test, last in first out."""
    ends: list[Callable[[], None]] = []
    yield ends.append
    for end in reversed(ends):
        end()


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    emulator: EmulatedSqs,
    new_service: NewService,
    thread: LoopThread,
    on_end: OnEnd,
) -> Stage:
    front = SqsFront(emulator.endpoint, thread)
    on_end(front.close)
    name = str(abs(hash(request.node.name)) % 10**6)
    return Stage(name, emulator, front, new_service("service"))


@pytest.fixture
def issuer(
    request: pytest.FixtureRequest, tmp_path: Path, thread: LoopThread, on_end: OnEnd
) -> tuple[Issuer, dict[str, str]]:
    """Return who gives out credentials, and the environment that says so."""
    file = tmp_path / "token"
    issuer = Issuer(request.param.split()[0], file, thread)
    on_end(issuer.close)
    if request.param == "pod identity":
        return issuer, {
            **NO_KEYS,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{issuer.url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
        }
    return issuer, {
        **NO_KEYS,
        "AWS_ENDPOINT_URL_STS": issuer.url,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/gateway",
    }


Issued = tuple[Issuer, dict[str, str]]


def events(gateway: GatewayProcess) -> list[str]:
    return [json.loads(line)["event"] for line in gateway.logged().splitlines()]


@pytest.mark.parametrize("issuer", ["web identity"], indirect=True)
def test_credentials_that_come_to_their_end_are_followed_by_others_with_the_token_of_that_time(
    stage: Stage, issuer: Issued, tmp_path: Path
) -> None:
    """The token file is replaced meanwhile, as the kubelet does it, and the old token is void."""
    given, environment = issuer
    given.lives_seconds = EARLY_SECONDS + 1
    stage.front.keys = given.valid
    with GatewayProcess(
        tmp_path, stage.routing, stage.front.url, environment=environment
    ) as gateway:
        stage.send("first")
        given.replace_token()
        given.lives_seconds = 3600
        latest = given.wait_for(len(given.issued) + 1)
        for queue in stage.queues:
            stage.front.wait_for(1, queue.name, access_key=latest.access_key)
        stage.assert_each_came_once()
        given.revoke_all_but(latest)
        stage.send("second")
        stage.assert_each_came_once()
        assert stage.refused("ExpiredToken") == given.refusals == 0
        assert events(gateway).count("other credentials are in use") == 1


@pytest.mark.parametrize("issuer", ["pod identity"], indirect=True)
def test_a_session_that_ends_before_its_time_is_replaced_by_one_for_all_routes(
    stage: Stage, issuer: Issued, thread: LoopThread, tmp_path: Path
) -> None:
    """botocore would keep it for an hour. What is in delivery meanwhile comes no second time.

    The agent's token has been replaced since, too.
    """
    given, environment = issuer
    gate = Gate(thread)
    stage.front.keys = given.valid
    with GatewayProcess(
        tmp_path, stage.routing, stage.front.url, environment=environment
    ) as gateway:
        stage.service.otherwise = Answer(gate=gate)
        stage.send("held")
        stage.service.wait_for(len(stage.sent))
        given.replace_token()
        given.valid.clear()
        given.wait_for(2)
        gate.open()
        stage.send("after")
        stage.assert_each_came_once()
        assert stage.refused("ExpiredToken") >= 1
        assert len(given.issued) == 2
        assert events(gateway).count("receives fail") <= ROUTES


@pytest.mark.parametrize("issuer", ["web identity"], indirect=True)
def test_a_token_that_comes_late_ends_the_refusals_and_each_trouble_is_one_line(
    stage: Stage, issuer: Issued, tmp_path: Path
) -> None:
    """Refused by SQS, and nobody gives out others, until the token file has its new content."""
    given, environment = issuer
    stage.front.keys = given.valid
    with GatewayProcess(
        tmp_path, stage.routing, stage.front.url, environment=environment
    ) as gateway:
        given.replace_token(in_file=False)
        given.valid.clear()
        until(lambda: given.refusals >= 1, "the old token to be refused")
        stage.send("waiting")
        for queue in stage.queues:
            stage.front.wait_for(1, queue.name, refusal="ExpiredToken")
        given.write_token()
        stage.assert_each_came_once()
        until(lambda: events(gateway).count("receives work again") == ROUTES, "all to recover")
        said = events(gateway)
        assert said.count("credentials cannot be had") == 1
        assert said.count("credentials can be had again") == 1
        assert said.count("receives fail") == ROUTES
        assert "Traceback" not in gateway.logged()
        assert not any(each.secret_key in gateway.logged() for each in given.issued)
        assert given.token not in gateway.logged()


def test_keys_in_a_file_are_found_when_they_come_and_when_they_change(
    stage: Stage, tmp_path: Path
) -> None:
    """As from a secret that is mounted: first it is not there, later it has other keys."""
    file = tmp_path / "credentials"
    one, two = (ReadOnlyCredentials(f"AKIA{n}", f"secret-{n}", None) for n in (1, 2))

    def put(keys: ReadOnlyCredentials) -> None:
        lines = f"aws_access_key_id={keys.access_key}\naws_secret_access_key={keys.secret_key}\n"
        file.write_text(f"[default]\n{lines}")

    stage.front.keys, stage.front.refusal = keys_of(one), UNKNOWN_KEY
    environment = {**NO_KEYS, "AWS_SHARED_CREDENTIALS_FILE": str(file)}
    with GatewayProcess(
        tmp_path, stage.routing, stage.front.url, waits=False, environment=environment
    ) as gateway:
        gateway.wait_until_unready("credentials")
        put(one)
        gateway.wait_until_ready()
        stage.send("first keys")
        stage.assert_each_came_once()
        put(two)
        stage.front.keys = keys_of(two)
        stage.send("second keys")
        stage.assert_each_came_once()
        assert stage.refused(UNKNOWN_KEY.code) >= 1
        assert stage.front.calls(stage.queues[0].name)[-1].access_key == two.access_key


def test_a_call_is_signed_for_the_region_of_its_queue(
    stage: Stage, emulator: EmulatedSqs, tmp_path: Path
) -> None:
    """Of its ARN or URL, or what the route says; the process's own where neither does."""
    wanted = {
        "region-arn": ("arn:aws:sqs:us-west-2:123456789012:region-arn", {}, "us-west-2"),
        "region-url": (
            "https://sqs.ap-south-1.amazonaws.com/123456789012/region-url", {}, "ap-south-1",
        ),
        "region-told": ("region-told", {"region": "eu-north-1"}, "eu-north-1"),
        "region-own": ("region-own", {}, "eu-west-1"),
    }  # fmt: skip
    versions = {"a": stage.service.url}
    routes = []
    for name, (queue, more, _) in wanted.items():
        emulator.create(name).send(f"to {name}")
        routes.append({"name": name, "queue": queue, "wait": "1s", "versions": versions, **more})
    stage.front.keys = keys_of(ReadOnlyCredentials("test", "test", None))
    with GatewayProcess(tmp_path, {"routes": routes}, stage.front.url):
        for name, (_, _, region) in wanted.items():
            stage.service.wait_for(1, f"to {name}")
            stage.wait_until_deleted(name)
            assert {call.region for call in stage.front.calls(name)} == {region}
            assert not [call for call in stage.front.calls(name) if call.refusal]
