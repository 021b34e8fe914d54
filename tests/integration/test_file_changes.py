"""However the routing file is changed, what it says is in force, or why not is told."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

IN_FORCE, REFUSED = (
    "routing file in force",
    "routing file refused; the last good one stays in force",
)


class Stage:
    """A gateway of one route; the canary's weight tells which file is in force."""

    def __init__(
        self, gateway: GatewayProcess, sqs: EmulatedSqs, stable: Service, canary: Service
    ) -> None:
        self.gateway, self.file = gateway, gateway.file
        self.sqs, self.stable, self.canary = sqs, stable, canary
        self.weight = 1

    def next_text(self) -> str:
        """Return a routing file that was not there before."""
        self.weight += 1
        return yaml.safe_dump(routing(self.stable, self.canary, self.weight))

    def wait_until_in_force(self) -> None:
        """Wait for the table of the last text."""
        labels = {"route": "watched", "version": "canary"}
        until(
            lambda: self.gateway.metric("gateway_split_weight", **labels) == self.weight,
            f"the canary's weight to be {self.weight}",
        )
        until(
            lambda: self.gateway.metric("gateway_config_last_reload_successful") == 1,
            "no refusal to be told any more",
        )
        assert self.told() == {"last_reload_successful": True, "problems": []}

    def wait_until_refused(self, *words: str) -> None:
        """Wait until metric, log and API say that the file was refused, and why."""
        until(
            lambda: self.gateway.metric("gateway_config_last_reload_successful") == 0,
            "the refusal to be told",
        )
        told = self.told()
        assert told["last_reload_successful"] is False
        line = self.lines(REFUSED)[-1]
        assert line["problems"] == told["problems"]
        assert all(word in str(told["problems"]) for word in words), told

    def told(self) -> Any:
        return self.gateway.get("/api/routes")["config"]

    def generation(self) -> float:
        return self.gateway.metric("gateway_config_generation")

    def lines(self, *events: str) -> list[dict[str, Any]]:
        lines = map(json.loads, self.gateway.logged().splitlines())
        return [line for line in lines if line["event"] in events]

    def hang_up(self) -> dict[str, Any]:
        """Send SIGHUP and return the line that answers it."""
        before = len(self.lines(IN_FORCE, REFUSED))
        self.gateway.signal(signal.SIGHUP)
        until(lambda: len(self.lines(IN_FORCE, REFUSED)) > before, "an answer to SIGHUP")
        return self.lines(IN_FORCE, REFUSED)[-1]


def routing(stable: Service, canary: Service, weight: int, **more: Any) -> dict[str, Any]:
    route = {
        "name": "watched",
        "queue": "watched",
        "wait": "1s",
        **two_versions(stable.url, canary.url),
        "split": {"stable": 0, "canary": weight},
    }
    return {"routes": [{**route, **more}]}


@pytest.fixture(scope="module")
def stage(
    emulator: EmulatedSqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    stable, canary = new_service("stable"), new_service("canary")
    emulator.create("watched")
    folder = tmp_path_factory.mktemp("gateway")
    environment = {"GATEWAY_DRAIN_SECONDS": "60"}
    with GatewayProcess(
        folder, routing(stable, canary, 1), emulator.endpoint, environment=environment
    ) as gateway:
        yield Stage(gateway, emulator, stable, canary)


def _by_rename(file: Path, text: str) -> None:
    """As editors and `kubectl cp` do."""
    file.with_name("routes.yaml~").write_text(text)
    file.with_name("routes.yaml~").rename(file)


def _anew(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


def _behind_links(file: Path, text: str) -> None:
    """As the kubelet does: routes.yaml -> ..data/routes.yaml, ..data -> a folder with a date."""
    dated = file.with_name(f"..2026_{len(list(file.parent.iterdir()))}")
    dated.mkdir()
    (dated / "routes.yaml").write_text(text)
    file.with_name("..data_tmp").symlink_to(dated.name)
    file.with_name("..data_tmp").rename(file.with_name("..data"))


WAYS = {"rename": _by_rename, "swap of links": _behind_links, "a file where a link was": _anew}


@pytest.mark.parametrize("way", WAYS)
def test_a_change_comes_into_force_whatever_way_it_is_made(stage: Stage, way: str) -> None:
    generation = stage.generation()
    if way == "swap of links":  # they are there first, with the content that is in force
        _behind_links(stage.file, stage.file.read_text())
        stage.file.with_name("link").symlink_to("..data/routes.yaml")
        stage.file.with_name("link").rename(stage.file)
    WAYS[way](stage.file, stage.next_text())
    stage.wait_until_in_force()
    assert stage.generation() == generation + 1


def test_a_broken_file_is_told_by_metric_log_and_api_until_a_good_one_is_there(
    stage: Stage,
) -> None:
    generation, good = stage.generation(), stage.file.read_text()
    stage.file.write_text(good.replace("queue:", "quue:"))
    stage.wait_until_refused("quue", "did you mean queue?")
    assert stage.generation() == generation
    stage.file.write_text(good)
    assert stage.gateway.reload().json()["generation"] == generation, "the same table as before"
    stage.wait_until_in_force()


def test_a_file_that_is_gone_or_a_folder_is_told_and_so_is_its_return(stage: Stage) -> None:
    good = stage.file.read_text()
    stage.file.unlink()
    stage.wait_until_refused("cannot be read: no such file")
    stage.file.mkdir()
    assert "is a directory" in stage.gateway.reload().text
    stage.wait_until_refused("cannot be read: is a directory")
    stage.file.rmdir()
    stage.file.write_text(good)
    stage.wait_until_in_force()


def test_the_same_content_again_is_no_new_generation(stage: Stage) -> None:
    generation = stage.generation()
    _by_rename(stage.file, stage.file.read_text())
    answer = stage.gateway.reload().json()
    assert answer == {"generation": generation, "added": [], "changed": [], "removed": []}
    stage.file.write_text(stage.next_text())
    stage.wait_until_in_force()
    assert stage.generation() == generation + 1


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _huge(file: Path) -> None:
    file.write_bytes(b"# ten megabytes\n" * (10 * 2**16))


def _binary(file: Path) -> None:
    file.write_bytes(bytes(range(256)))


UNFIT: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (lambda file: None, "no such file"),
    "folder": (lambda file: file.mkdir(), "is a directory"),
    "dangling link": (lambda file: file.symlink_to("nowhere"), "no such file"),
    "pipe": (_pipe, "not a regular file"),
    "huge": (_huge, "larger than"),
    "binary": (_binary, "routes.yaml:"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_sighup_and_post_always_answer_whatever_lies_there(stage: Stage, what: str) -> None:
    """Opening a pipe, for one, would wait for ever."""
    make, why = UNFIT[what]
    good = stage.file.read_text()
    stage.file.unlink()
    make(stage.file)
    try:
        answer = stage.gateway.reload()
        assert answer.status_code == 422
        assert why in str(answer.json()["problems"])
        line = stage.hang_up()
        assert (line["event"], line["problems"]) == (REFUSED, answer.json()["problems"])
    finally:
        stage.file.rmdir() if stage.file.is_dir() else stage.file.unlink(missing_ok=True)
        _by_rename(stage.file, good)
    assert stage.hang_up()["event"] == IN_FORCE
    stage.wait_until_in_force()


def test_reloads_at_once_all_answer_and_the_last_content_wins(stage: Stage) -> None:
    generation = stage.generation()
    with ThreadPoolExecutor(8) as pool:
        answers = []
        for _ in range(20):
            _by_rename(stage.file, stage.next_text())
            answers.append(pool.submit(stage.gateway.reload))
        assert {answer.result().status_code for answer in answers} == {200}
    stage.wait_until_in_force()
    assert generation < stage.generation() <= generation + 20


def test_the_largest_files_are_loaded_while_health_is_answered_and_messages_move(
    stage: Stage,
) -> None:
    """They take seconds, and are loaded beside the event loop."""
    condition = {"attributes": {"tenant": {"exact": "acme"}}}
    rules = [{"name": f"r-{n}", "match": [condition], "to": "canary"} for n in range(5_000)]
    table = routing(stage.stable, stage.canary, stage.weight, rules=rules)
    stage.file.write_text(yaml.dump(table, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    healthy = 0
    with httpx.Client(
        base_url=stage.gateway.client.base_url, trust_env=False, verify=False, timeout=60
    ) as client:
        client.get("/healthz")  # connected
        posted = threading.Thread(target=client.post, args=("/-/reload",))
        posted.start()
        while posted.is_alive():
            assert stage.gateway.client.get("/healthz").status_code == 200
            healthy += 1
    assert healthy >= 20, "as many as one could ask for, not two or three"
    assert stage.told()["last_reload_successful"]
    stage.file.write_text(stage.next_text())
    stage.wait_until_in_force()


def test_all_that_is_sent_after_an_answer_is_decided_by_the_new_weights(stage: Stage) -> None:
    queue = stage.sqs.create("watched")
    for turn in range(4):
        to_canary = turn % 2 == 0
        weights = {"stable": int(not to_canary), "canary": int(to_canary)}
        text = yaml.safe_dump(routing(stage.stable, stage.canary, 0, split=weights))
        _by_rename(stage.file, text)
        assert stage.gateway.reload().status_code == 200
        bodies = [f"turn {turn} {n}" for n in range(50)]
        queue.send_all([Draft(body) for body in bodies])
        chosen, other = stage.canary, stage.stable
        if not to_canary:
            chosen, other = other, chosen
        for body in bodies:
            chosen.wait_for(1, body)
        assert not [each for each in other.seen() if each.text in bodies]
    stage.file.write_text(stage.next_text())
    stage.wait_until_in_force()


def test_while_it_stops_it_answers_that_a_new_file_comes_too_late(
    stage: Stage, thread: LoopThread
) -> None:
    """A delivery keeps it draining."""
    gate = Gate(thread)
    stage.canary.on("held", Answer(gate=gate))
    stage.sqs.create("watched").send("held")
    stage.canary.wait_for(1, "held")
    stage.gateway.signal(signal.SIGTERM)
    stage.gateway.wait_until_unready("stopping")
    assert stage.gateway.reload().status_code == 200, "nothing new"
    _by_rename(stage.file, stage.next_text())
    answer = stage.gateway.reload()
    assert answer.status_code == 422
    assert "the gateway is stopping" in str(answer.json()["problems"])
    assert stage.hang_up()["event"] == REFUSED
    gate.open()
    assert stage.gateway.exit_status() == 0
    assert "Traceback" not in stage.gateway.logged()
    assert len(stage.canary.seen("held")) == 1
