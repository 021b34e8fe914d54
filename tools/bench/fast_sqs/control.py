"""What the benchmark asks of the fast SQS: fill a queue, make messages flow, read counts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json

from tools.bench.fast_sqs.rendering import Draft

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.bench.fast_sqs.operations import Calls
    from tools.bench.fast_sqs.queue import FastQueue

TICK_SECONDS: Final = 0.001


def respond(calls: Calls, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """Return status and response."""
    try:
        return 200, to_json(_response(calls, method, path, body))
    except (KeyError, TypeError, ValueError) as error:
        return 400, to_json({"error": repr(error)})


def _response(calls: Calls, method: str, path: str, body: bytes) -> object:
    match method, path.strip("/").split("/"):
        case "GET", ["_history", name]:
            queue = calls.queues[name]
            queue.advance(time.time())
            return {**queue.summary(), "flowing": bool(calls.flowing)}
        case "POST", ["_reset"]:
            calls.reset()
            return {}
        case "POST", ["_fill"]:
            return fill(calls, **from_json(body))
        case "POST", ["_flow"]:
            return _flow(calls, **from_json(body))
        case "POST", ["_delay"]:
            calls.delay_seconds = from_json(body)["ms"] / 1000
            return {}
        case _:
            raise ValueError(f"there is no {method} {path}")


def fill(
    calls: Calls,
    queue: str,
    count: int = 1,
    body: str = "{}",
    attributes: Mapping[str, Any] | None = None,
    share: float = 1.0,
    groups: int = 1,
) -> dict[str, Any]:
    """Enqueue many; attributes go to a share of them, evenly spread.

    On FIFO they go to as many `groups`, by turns.
    """
    where, now = calls.queues[queue], time.time()
    marked, plain = _drafts(body, attributes or {})
    for number in range(count):
        order = (f"g-{number % groups}", f"fill-{now}-{number}") if where.fifo else ()
        where.send(marked if _chosen(number, share) else plain, now, *order)
    calls.changed(where)
    return {"sent": count}


def _flow(
    calls: Calls,
    queues: Sequence[str],
    rate: float,
    seconds: float,
    body: str = "{}",
    attributes: Mapping[str, Any] | None = None,
    share: float = 1.0,
) -> dict[str, Any]:
    total = round(rate * seconds)

    async def flow() -> None:
        places = [calls.queues[name] for name in queues]
        start, sent = time.monotonic(), 0
        while sent < total:
            due = min(total, int((time.monotonic() - start) * rate) + 1)
            if due > sent:
                _send_due(calls, places, range(sent, due), _drafts(body, attributes or {}), share)
                sent = due
            await asyncio.sleep(max(TICK_SECONDS, start + sent / rate - time.monotonic()))

    task = asyncio.ensure_future(flow())
    calls.flowing.add(task)
    task.add_done_callback(calls.flowing.discard)
    return {"sent": total}


def _send_due(
    calls: Calls,
    places: Sequence[FastQueue],
    numbers: range,
    drafts: tuple[Draft, Draft],
    share: float,
) -> None:
    touched = set()
    for number in numbers:
        where = places[number % len(places)]
        where.send(drafts[0] if _chosen(number, share) else drafts[1])
        touched.add(where)
    for where in touched:
        calls.changed(where)


def _drafts(body: str, attributes: Mapping[str, Any]) -> tuple[Draft, Draft]:
    now = time.time()
    text = body.replace("@now", f"{now:.6f}")
    return Draft(text, attributes, now), Draft(text, {}, now)


def _chosen(number: int, share: float) -> bool:
    return int((number + 1) * share) > int(number * share)
