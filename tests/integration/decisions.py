"""What each message should have come to, by three ways that share nothing but the contract."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

from gateway.cli import main
from gateway.cli.explain import as_json
from gateway.config.file import read
from gateway.core.messages.message import message_from_receive
from gateway.core.routing.decider import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.integration.exchanges import Request
    from tests.integration.queues import Sent

BUCKETS = 10_000


def bucket(seed: str, key: str) -> int:
    """Return the bucket as docs/reference/decisions.md words it."""
    digest = hashlib.blake2b(seed.encode() + b"\0" + key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def computed(file: Path, route: str, sent: Iterable[Sent]) -> dict[str, dict[str, Any]]:
    """Return the core's decisions by message id, in the shape of `explain`."""
    table = read(file).route(route)
    assert table is not None
    messages = [message_from_receive(each.received()) for each in sent]
    return {each.message_id: as_json(each, table, decide(each, table)) for each in messages}


def explained(file: Path, route: str, sent: Iterable[Sent]) -> dict[str, dict[str, Any]]:
    """Return what `gateway explain` prints, by message id."""
    messages = file.with_name("messages.jsonl")
    messages.write_text("\n".join(json.dumps(each.received()) for each in sent), "utf-8")
    command = ["explain", "--config", str(file), "--route", route, "--messages", str(messages)]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main.main(command) == 0
    decisions = [json.loads(line) for line in printed.getvalue().splitlines()]
    return {decision["message_id"]: decision for decision in decisions}


def assert_as_computed(
    file: Path, route: str, sent: Sequence[Sent], requests: Iterable[Request]
) -> None:
    """Every message came once, to the version and for the reason that core and `explain` say."""
    expected = explained(file, route, sent)
    assert expected == computed(file, route, sent)
    came = [
        (each.message_id, each["x-gateway-version"], each["version"], each["x-gateway-reason"])
        for each in requests
        if each["x-gateway-route"] == route
    ]
    assert sorted(came) == sorted(
        (message_id, told["version"], told["tag"], told["reason"])
        for message_id, told in expected.items()
    )
