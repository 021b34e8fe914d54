"""No secret leaves the process but to whom it is for, and no stranger writes a line of its log.

A whole life at level DEBUG: start, deliveries that fail in every way, a queue that is not there,
reloads refused and taken, requests with and without the token, stop.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.children import run_gateway
from tests.integration.exchanges import Answer, Raw, Reset
from tests.integration.gateway_process import GatewayProcess
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.exchanges import Reply
    from tests.integration.services import Service

SECRET = "s3cret"
TOKEN = f"{SECRET}-admin"
ENVIRONMENT = {
    "GATEWAY_ADMIN_TOKEN": TOKEN,
    "GATEWAY_LOG_LEVEL": "DEBUG",
    "AWS_ACCESS_KEY_ID": f"AKIA{SECRET}",
    "AWS_SECRET_ACCESS_KEY": f"{SECRET}-of-aws",
    "AWS_SESSION_TOKEN": f"{SECRET}-session",
}
HEADERS = {"Authorization": f"Bearer {SECRET}-header", "x-api-key": f"{SECRET}-key"}
BROKEN_HEADERS: Sequence[Any] = (
    {"Authorization": f"Bearer {SECRET}\nx: y"},
    {f"Authorization: Bearer {SECRET}": None},
    {"Authorization": [f"Bearer {SECRET}"]},
    [f"Authorization: Bearer {SECRET}"],
    f"Authorization: Bearer {SECRET}",
)
FORGED = "2026-01-01T00:00:00Z [info     ] all is well"
ANSWERS: dict[str, Reply] = {
    "status": Answer(500, {"x-forged": "\x1b[31m"}),
    "rejected": Answer(400),
    "escapes": Raw(b"\x1b[2J\x1b]0;x\x07\n" + FORGED.encode()),
    "forged line": Raw(b"\n" + FORGED.encode() + b"\n"),
    "broken header": Raw(b"HTTP/1.1 200 OK\r\n\x1b[31m" + FORGED.encode() + b"\r\n\r\n"),
    "reset": Reset(),
}
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[(debug|info|warning|error) +\] \S.*")


class Life:
    """Everything that a whole life of a gateway let anybody read."""

    def __init__(self, form: str, service: Service) -> None:
        self.form, self.service = form, service
        self.told: list[str] = []
        self.log = ""

    def live(self, gateway: GatewayProcess, emulator: EmulatedSqs) -> None:
        sound = gateway.file.read_text()
        queue = emulator.create(f"secrets-{self.form}")
        for body, reply in ANSWERS.items():
            self.service.on(body, reply, Answer())
            queue.send(body, attributes={"x": FORGED, "note": f"\r\n{FORGED}\r\n"})
        queue.send("nobody there", attributes={"version": "gone"})
        gateway.wait_until_unready("lost")
        until(lambda: emulator.ledger(queue.name)["deleted"] == len(ANSWERS), "all but one acked")
        self._offer_broken_headers(gateway)
        gateway.file.write_text(sound)
        assert self._post(gateway, TOKEN) == 200
        assert self._post(gateway, f"{TOKEN}-not") == 401
        self.told += [gateway.client.get(path).text for path in ("/api/routes", "/metrics", "/")]
        self.told.append(gateway.readyz().text)
        assert gateway.stop() == 0
        self.log = gateway.logged()
        self.told += [self.log, gateway.printed()]

    def _offer_broken_headers(self, gateway: GatewayProcess) -> None:
        """Offer them to all who read a routing file."""
        versions = {
            f"v{at}": {"url": "http://b/", "headers": headers}
            for at, headers in enumerate(BROKEN_HEADERS)
        }
        gateway.write({"routes": [{"name": "a", "queue": "a", "versions": versions}]})
        assert self._post(gateway, TOKEN) == 422
        for command in (["check"], ["explain", "--route", "a", "--messages", "-"], []):
            ran = run_gateway(*command, "--config", str(gateway.file))
            assert ran.returncode == 2
            assert all(f"versions.v{at}." in ran.stdout + ran.stderr for at in range(5))
            self.told.append(ran.stdout + ran.stderr)

    def _post(self, gateway: GatewayProcess, token: str) -> int:
        asked = {"authorization": f"Bearer {token}"}
        answer = gateway.client.post("/-/reload", headers=asked)
        self.told.append(answer.text)
        return answer.status_code


@pytest.fixture(scope="module", params=["json", "text"])
def life(
    request: pytest.FixtureRequest,
    emulator: EmulatedSqs,
    new_service: NewService,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Life]:
    service = new_service("stable")
    routing = _routing(service.url, request.param)
    environment = {**ENVIRONMENT, "GATEWAY_LOG_FORMAT": request.param}
    folder = tmp_path_factory.mktemp("gateway")
    process = GatewayProcess(
        folder, routing, emulator.endpoint, waits=False, environment=environment
    )
    life = Life(request.param, service)
    with process as gateway:
        life.live(gateway, emulator)
        yield life


def _routing(url: str, form: str) -> dict[str, Any]:
    versions = {
        "stable": {"url": f"{url}?key={SECRET}-query", "headers": HEADERS},
        "gone": {"url": f"http://127.0.0.1:9/?key={SECRET}", "headers": HEADERS},
    }
    route = {"name": "secrets", "queue": f"secrets-{form}", "wait": "1s", "versions": versions}
    route |= {"retry": {"min": "1s", "max": "1s"}, "fallback": "off"}
    lost = {"name": "lost", "queue": "not-there", "versions": {"stable": "http://127.0.0.1:9/"}}
    return {"routes": [route, lost]}


def test_the_service_gets_the_secrets_that_are_for_it(life: Life) -> None:
    """Otherwise the tests below would look for what is nowhere."""
    request = life.service.seen()[0]
    assert request.line == f"POST /events?key={SECRET}-query HTTP/1.1"
    assert {name: request[name] for name in HEADERS} == HEADERS


def test_no_secret_is_in_logs_problems_api_metrics_or_what_commands_print(life: Life) -> None:
    found = [told for told in life.told if SECRET in told.lower()]
    assert found == []
    assert len(life.told) == 12


def test_the_log_tells_of_every_failure(life: Life) -> None:
    """Or the tests around this one would read an empty page."""
    for event in ("version fails", "message rejected", "route failed", "routing file refused"):
        assert event in life.log


def test_what_messages_and_services_say_never_begins_a_line_or_steers_a_terminal(
    life: Life,
) -> None:
    lines = life.log.split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert line.isprintable(), ascii(line)
        assert not line.startswith(FORGED)
        if life.form == "json":
            assert {"timestamp", "level", "event"} <= set(json.loads(line))
        else:
            assert line.startswith("    | ") or TEXT_LINE.fullmatch(line), line
