"""`gateway drain-queue` as a process: what it moves, how it ends, what it refuses."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.integration.children import Child, aws_environment, run_gateway
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.emulator import EmulatedSqs
    from tests.integration.queues import Queue, Sqs


def drained(sqs: Sqs, *arguments: str) -> tuple[int, str, str]:
    result = run_gateway("drain-queue", *arguments, **aws_environment(sqs.endpoint))
    return result.returncode, result.stdout, result.stderr


def pair(sqs: Sqs, suffix: str = "") -> tuple[Queue, Queue]:
    name = uuid4().hex[:12]
    source = sqs.create(f"from-{name}{suffix}", VisibilityTimeout="1")
    return source, sqs.create(f"to-{name}{suffix}")


def test_a_queue_is_moved_with_all_that_its_messages_have(emulator: EmulatedSqs) -> None:
    source, target = pair(emulator)
    drafts = [
        Draft(
            '{"n": 1}',
            {"version": "v2", "n": 7, "raw": b"\x00\xff"},
            trace="Root=1-5759e988-bd862e3fe1be46a994272793",
        ),
        Draft("é" * 100, {f"a{at}": "x" for at in range(10)}),
    ]
    source.send_all(drafts)
    status, _, told = drained(emulator, source.url, "--to", target.url)
    assert status == 0, told
    assert f"moved 2 from {source.name} to {target.name}" in told
    taken = {each["Body"]: each for each in target.take(2)}
    for draft in drafts:
        assert taken[draft.body].get("MessageAttributes", {}).keys() == draft.attributes.keys()
    first = taken['{"n": 1}']
    assert first["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
    assert first["MessageAttributes"]["n"] == {"DataType": "Number", "StringValue": "7"}
    assert first["Attributes"]["AWSTraceHeader"] == "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert source.counts() == (0, 0, 0)


def test_a_fifo_queue_is_moved_in_order_under_message_ids(
    emulator: EmulatedSqs,
) -> None:
    source, target = pair(emulator, ".fifo")
    sent = source.send_all([Draft(f"{at:03d}", group=str(at % 5)) for at in range(120)])
    status, _, told = drained(emulator, source.name, "--to", target.name)
    assert status == 0, told
    taken = target.take(len(sent))
    for group in map(str, range(5)):
        own = [each["Body"] for each in taken if each["Attributes"]["MessageGroupId"] == group]
        assert own == sorted(own)
        assert len(own) == 24
    ids = {each["Attributes"]["MessageDeduplicationId"] for each in taken}
    assert ids == {each.message_id for each in sent}


def test_a_dry_run_counts_and_receives_nothing(emulator: EmulatedSqs) -> None:
    source, target = pair(emulator)
    source.send_all([Draft()] * 12)
    status, counted, _ = drained(emulator, source.name, "--to", target.name, "--dry-run")
    assert status == 0
    assert counted == (f"12 messages in {source.name}: 12 visible, 0 delayed, 0 in flight\n")
    assert source.counts() == (12, 0, 0)
    assert target.counts() == (0, 0, 0)


def test_sigterm_in_mid_run_loses_nothing_and_a_second_run_moves_the_rest(
    emulator: EmulatedSqs, tmp_path: Path
) -> None:
    source, target = pair(emulator)
    sent = source.send_all([Draft(str(at)) for at in range(300)])
    command = ["-m", "gateway", "drain-queue", source.name, "--to", target.name, "--rate", "40"]
    with Child(command, tmp_path, aws_environment(emulator.endpoint)) as child:
        until(lambda: target.counts()[0] >= 40, "the first messages to be moved")
        child.signal(signal.SIGTERM)
        assert child.exit_status() == 1
        told = child.logged()
    assert "stopped: start it again" in told
    moved, left = target.counts()[0], source.counts()
    assert 40 <= moved < 300
    assert left == (300 - moved, 0, 0)
    assert f"moved {moved} from" in told
    status, _, _ = drained(emulator, source.name, "--to", target.name)
    assert status == 0
    bodies = [each["Body"] for each in target.take(300)]
    assert sorted(bodies) == sorted(each.draft.body for each in sent)


def test_queues_that_do_not_fit_are_refused(emulator: EmulatedSqs) -> None:
    source, target = pair(emulator)
    fifo, _ = pair(emulator, ".fifo")
    source.send()
    rate = "argument --rate: must be a number above 0"
    for arguments, words in {
        ("missing", "--to", target.name): "SOURCE: there is no such queue",
        (source.name, "--to", "missing"): "--to: there is no such queue",
        (source.name, "--to", source.url): "--to: is the queue that is drained",
        (source.name, "--to", fifo.name): "--to: is a FIFO queue, and SOURCE is not",
        (fifo.name, "--to", target.name): "--to: is no FIFO queue, and SOURCE is",
        ("arn:aws:sns:eu-west-1:123456789012:t", "--to", "q"): "SOURCE: is not a queue name",
        (source.name, "--to", target.name, "--rate", "0"): rate,
        (source.name, "--to", target.name, "--rate", "soon"): rate,
        (source.name,): "--to",
    }.items():
        status, _, told = drained(emulator, *arguments)
        assert status == 2, told
        assert words in told
    assert source.counts() == (1, 0, 0)


def test_what_stands_in_the_way_of_asking_is_said() -> None:
    nobody = aws_environment("http://127.0.0.1:9") | {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"}
    result = run_gateway("drain-queue", "a", "--to", "b", **nobody)
    assert result.returncode == 1
    assert "gateway drain-queue: get_queue_url: " in result.stderr
