"""What tests and benchmarks ask of the emulator beside SQS's own protocol; responses are JSON.

GET  /_history/QUEUE           the queue in numbers
GET  /_history/QUEUE/messages  every message and what happened to it; with /FIRST/COUNT some
GET  /_faults                  how many faults were injected, by kind and operation
POST /_faults                  {"seed", "rules"}: faults from now on (:class:`Rule`); {} is none
POST /_reset                   forget all queues, histories and faults
POST /_fill                    enqueue many messages at once (:class:`Fill` has the members)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from tools.emulator import history
from tools.emulator.app import Response
from tools.emulator.errors import SqsError
from tools.emulator.messages import Draft
from tools.emulator.rules import Rule, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.emulator.app import Emulator
    from tools.emulator.messages import Attributes
    from tools.emulator.queues import Queue


@dataclass(frozen=True, slots=True)
class Fill:
    """`count` messages for `queue`.

    Attributes go to that `share` of them, evenly spread. On FIFO they go to `groups` groups, in
    turn. `@now` in the body becomes the time, in seconds since the epoch.
    """

    queue: str
    count: int = 1
    body: str = "{}"
    attributes: Attributes = field(default_factory=dict)
    share: float = 1.0
    groups: int = 1


def respond(emulator: Emulator, method: str, path: str, body: bytes) -> Response:
    """Respond; an invalid request gets a 400 or 404 with the reason."""
    try:
        return _json(_result(emulator, method, path, body))
    except SqsError as error:
        return _json({"error": error.why}, 404)
    except (TypeError, ValueError) as error:
        return _json({"error": str(error)}, 400)


def _result(emulator: Emulator, method: str, path: str, body: bytes) -> object:
    match method, path.strip("/").split("/"):
        case "GET", ["_history", name]:
            return history.summary(emulator.registry, _queue(emulator, name))
        case "GET", ["_history", name, "messages", *part]:
            return history.messages(_queue(emulator, name), *map(int, part))
        case "GET", ["_faults"]:
            return _injected(emulator)
        case "POST", ["_faults"]:
            return _set_faults(emulator, **from_json(body))
        case "POST", ["_reset"]:
            return _reset(emulator)
        case "POST", ["_fill"]:
            return fill(emulator, Fill(**from_json(body)))
        case _:
            raise ValueError(f"there is no {method} {path}")


def fill(emulator: Emulator, wanted: Fill) -> dict[str, Any]:
    """Enqueue; no receive runs in between."""
    queue = emulator.registry.named(wanted.queue)
    now = emulator.clock()
    for draft in _drafts(wanted, now, fifo=queue.traits.fifo):
        queue.send(draft, emulator.registry.new_id(), now)
    emulator.polls.serve()
    return {"sent": wanted.count}


def _drafts(wanted: Fill, now: float, *, fifo: bool) -> Iterator[Draft]:
    plain = Draft(wanted.body.replace("@now", f"{now:.6f}"))
    marked = Draft(plain.body, wanted.attributes)
    for number in range(wanted.count):
        chosen = int((number + 1) * wanted.share) > int(number * wanted.share)
        draft = marked if chosen else plain
        yield _in_order(draft, number, now, wanted.groups) if fifo else draft


def _in_order(draft: Draft, number: int, now: float, groups: int) -> Draft:
    return dataclasses.replace(
        draft, group=f"g-{number % groups}", deduplication_id=f"fill-{now}-{number}"
    )


def _injected(emulator: Emulator) -> dict[str, Any]:
    by_kind: dict[str, dict[str, int]] = {}
    for (kind, operation), count in sorted(emulator.injected.items()):
        by_kind.setdefault(kind, {})[operation] = count
    return {"injected": by_kind}


def _set_faults(
    emulator: Emulator, rules: Sequence[Mapping[str, Any]] = (), seed: object = 0
) -> dict[str, Any]:
    wanted = [Rule(**rule) for rule in rules]
    if wanted:
        emulator.intercept = Rules(wanted, seed)
    else:
        emulator.calm_down()
    return {}


def _reset(emulator: Emulator) -> dict[str, Any]:
    emulator.calm_down()
    emulator.injected.clear()
    emulator.registry.clear()
    emulator.polls.serve()
    return {}


def _queue(emulator: Emulator, name: str) -> Queue:
    queue = emulator.registry.named(name)
    queue.advance(emulator.clock())
    return queue


def _json(result: object, status: int = 200) -> Response:
    return Response(status, to_json(result))
