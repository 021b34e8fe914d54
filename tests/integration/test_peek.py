"""`gateway peek` as a process: what it says, what it leaves, what it refuses."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import yaml

from tests.integration.children import (
    Child,
    aws_environment,
    clean_environment,
    run_gateway,
)
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.emulator import EmulatedSqs
    from tests.integration.queues import Queue, Sqs

SECRET = "the-body-is-a-secret"


def peek(sqs: Sqs, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_gateway("peek", *arguments, **aws_environment(sqs.endpoint), **more)


def queue_of(sqs: Sqs, suffix: str = "", **attributes: str) -> Queue:
    return sqs.create(f"peeked-{uuid4().hex[:12]}{suffix}", VisibilityTimeout="60", **attributes)


@pytest.fixture
def queue(emulator: EmulatedSqs) -> Queue:
    return queue_of(emulator)


def routing_file(folder: Path, *queues: str) -> str:
    """Write a file with a route for each queue, all but pins to stable."""
    routes = [
        {
            "name": f"route-{at}",
            "queue": queue,
            "versions": {
                "stable": {"url": "http://b.test/", "tag": "v1"},
                "canary": {"url": "http://b1.test/", "tag": "v2"},
            },
            "split": {"stable": 100, "canary": 0},
        }
        for at, queue in enumerate(queues)
    ]
    (folder / "routes.yaml").write_text(yaml.safe_dump({"routes": routes}), "utf-8")
    return str(folder / "routes.yaml")


def test_messages_are_decided_as_explain_does_and_given_back(
    emulator: EmulatedSqs, queue: Queue, tmp_path: Path
) -> None:
    pinned, other = queue.send_all([Draft(SECRET, {"version": "v2"}), Draft(SECRET)])
    file = routing_file(tmp_path, "another", queue.name)
    found = peek(emulator, queue.name, "--config", file, "--yes")
    assert found.returncode == 0, found.stderr
    assert queue.counts() == (2, 0, 0)
    rows = {line.split()[0]: line for line in found.stdout.splitlines()}
    assert "canary (v2)  pinned" in rows[pinned.message_id]
    assert "stable (v1)  split" in rows[other.message_id]
    assert SECRET not in found.stdout + found.stderr
    assert "receive counts go up by one" in found.stderr


def test_json_is_explains_with_what_sqs_says(
    emulator: EmulatedSqs, queue: Queue, tmp_path: Path
) -> None:
    sent = queue.send(SECRET, attributes={"version": "v2"})
    file = routing_file(tmp_path, queue.name)
    for receives in (1, 2):
        found = peek(emulator, queue.url, "--yes", "--json", GATEWAY_CONFIG=file)
        said = json.loads(found.stdout)
        assert said.pop("sent").endswith("Z")
        sender = said.pop("sender")
        assert sender is None or isinstance(sender, str)
        assert said == {
            "message_id": sent.message_id,
            "route": "route-0",
            "version": "canary",
            "tag": "v2",
            "reason": "pinned",
            "rule": None,
            "bucket": None,
            "receive_count": receives,
            "group": None,
            "version_attribute": "v2",
        }


def test_without_a_routing_file_the_messages_are_told_without_decisions(
    emulator: EmulatedSqs, queue: Queue
) -> None:
    sent = queue.send(SECRET, attributes={"version": "v2"})
    found = peek(emulator, queue.name, "--yes")
    head, row = found.stdout.splitlines()
    assert head.split() == ["MESSAGE", "RECEIVES", "SENT", "VERSION", "GROUP", "SENDER"]
    assert row.split()[:2] == [sent.message_id, "1"]
    assert " v2 " in row


def test_a_queue_that_no_route_has_is_looked_at_all_the_same(
    emulator: EmulatedSqs, queue: Queue, tmp_path: Path
) -> None:
    """As a dead-letter queue, in a pod that has GATEWAY_CONFIG."""
    queue.send()
    file = routing_file(tmp_path, "another")
    found = peek(emulator, queue.name, "--yes", GATEWAY_CONFIG=file)
    assert found.returncode == 0
    assert f"no route has the queue {queue.name}: no decisions" in found.stderr
    assert "TO" not in found.stdout.split()
    named = peek(emulator, queue.name, "--yes", "--route", "route-0", GATEWAY_CONFIG=file)
    assert "TO" in named.stdout.split()


def test_without_a_terminal_and_yes_nothing_is_received(
    emulator: EmulatedSqs, queue: Queue
) -> None:
    queue.send()
    found = peek(emulator, queue.name)
    assert (found.returncode, found.stdout) == (2, "")
    assert "--yes: nothing was received: there is no terminal to ask" in found.stderr
    (message,) = queue.take(1)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_the_redrive_policy_is_warned_of_with_its_number(emulator: EmulatedSqs) -> None:
    dead = queue_of(emulator)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    queue = queue_of(emulator, RedrivePolicy=policy)
    queue.send()
    first = peek(emulator, queue.name, "--yes")
    assert f"after 2 receives (maxReceiveCount) the next one moves a message to {dead.name}" in (
        first.stderr
    )
    assert "(last)" not in first.stdout
    assert "2 (last)" in peek(emulator, queue.name, "--yes").stdout
    assert "no message was there" in peek(emulator, queue.name, "--yes").stderr
    assert dead.counts() == (1, 0, 0)
    assert "there is no redrive policy" in peek(emulator, dead.name, "--yes").stderr


def test_groups_of_a_fifo_queue_are_free_again_in_order(emulator: EmulatedSqs) -> None:
    queue = queue_of(emulator, ".fifo")
    sent = queue.send_all([Draft(str(at), group=f"g-{at % 2}") for at in range(6)])
    found = peek(emulator, queue.name, "--yes")
    assert "the message groups of these are locked meanwhile" in found.stderr
    assert sum(each.message_id in found.stdout for each in sent) == 6
    taken = [each["Body"] for each in queue.take(6)]
    assert [each for each in taken if int(each) % 2] == ["1", "3", "5"]
    assert [each for each in taken if not int(each) % 2] == ["0", "2", "4"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_gives_everything_back(
    emulator: EmulatedSqs, queue: Queue, tmp_path: Path, number: signal.Signals
) -> None:
    """It comes while the second receive waits for more."""
    queue.send_all([Draft()] * 3)
    command = ["-m", "gateway", "peek", queue.name, "--yes"]
    with Child(command, tmp_path, aws_environment(emulator.endpoint)) as child:
        until(lambda: queue.counts()[1] == 3, "the messages to be received")
        child.signal(number)
        assert child.exit_status() == 128 + number
        told = child.logged()
    assert "stopped: what was received is given back" in told
    assert "Traceback" not in told
    assert queue.counts() == (3, 0, 0)


@pytest.mark.parametrize(("said", "status", "received"), [(b"n\n", 1, 0), (b"y\n", 0, 1)])
def test_a_person_is_asked_first(
    emulator: EmulatedSqs, queue: Queue, said: bytes, status: int, received: int
) -> None:
    queue.send()
    reads, writes = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "peek", queue.name],
        stdin=writes,
        stdout=writes,
        stderr=writes,
        env={**clean_environment(), **aws_environment(emulator.endpoint)},
    ) as process:
        os.close(writes)
        text = b""
        while b"[y/N]" not in text:
            text += os.read(reads, 1000)
        assert b"receive counts go up by one" in text
        assert queue.counts() == (1, 0, 0)
        os.write(reads, said)
        assert process.wait(30) == status
    os.close(reads)
    (message,) = queue.take(1)
    assert message["Attributes"]["ApproximateReceiveCount"] == str(1 + received)


def test_what_cannot_be_is_2(emulator: EmulatedSqs, queue: Queue, tmp_path: Path) -> None:
    regions = ("eu-west-1", "us-east-1")
    of_both = [f"https://sqs.{each}.amazonaws.com/123456789012/orders" for each in regions]
    twice = routing_file(tmp_path, *of_both)
    for arguments, words in {
        ("missing", "--yes"): "QUEUE: there is no such queue",
        ("no queue", "--yes"): "QUEUE: is not a queue name",
        (queue.name, "--count", "0"): "must be a whole number, 1 to 10",
        (queue.name, "--count", "11"): "must be a whole number, 1 to 10",
        (queue.name, "--route", "a", "--yes"): "--route: there is no routing file",
        (queue.name, "--config", "/nowhere.yaml", "--yes"): "/nowhere.yaml",
        ("orders", "--config", twice, "--yes"): "several routes have the queue",
    }.items():
        found = peek(emulator, *arguments)
        assert (found.returncode, found.stdout) == (2, ""), found.stderr
        assert words in found.stderr


def test_an_sqs_that_is_away_is_1() -> None:
    nowhere = aws_environment("http://127.0.0.1:9")
    found = run_gateway("peek", "orders", "--yes", **nowhere)
    assert found.returncode == 1
    assert "gateway peek: get_queue_url: " in found.stderr
