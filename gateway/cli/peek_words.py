"""What `gateway peek` prints: what it costs, and the messages. Pure; no body is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.cli.table import Cell, Column, Paint, plain, table
from gateway.core.messages.iso_time import iso_8601
from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.adapters.sqs.drain.ends import Depth
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Decision
    from gateway.core.routing.route import Route
    from gateway.ports import Redrive

MAX_TEXT: Final = 60
DEFAULT_HEADER: Final = "version"

OF_DECISIONS: Final = (Column("TO"), Column("WHY"), Column("BUCKET", right=True, expendable=3))
OF_MESSAGES: Final = (
    Column("RECEIVES", right=True, expendable=1),
    Column("SENT", expendable=4),
    Column("VERSION", expendable=2),
    Column("GROUP", expendable=5),
    Column("SENDER"),
)


def cost(
    queue: str,
    count: int,
    depth: Depth,
    redrive: Redrive | None,
    route: Route | None,
    *,
    fifo: bool,
) -> list[str]:
    """Return what the look costs, a line each."""
    lines = [
        f"{queue} holds about {depth.total:,} messages: {depth}",
        f"up to {count} are received and given back at once: their receive counts go up by one",
        _of_redrive(redrive),
    ]
    if fifo:
        lines.append("the message groups of these are locked meanwhile")
    if route is not None:
        lines.append(of_weights(route))
        lines.append("a rollout judges messages on their first receive alone, so not these")
    after = route.fallback.after_receives if route is not None and route.fallback else None
    if after is not None:
        lines.append(f"a message goes to stable after {after} receives, and this is one of them")
    return lines


def of_weights(route: Route) -> str:
    """Return by which weights it decides."""
    if route.follow is None:
        return "decided is by the weights of the file, not by a rollout's or by hand"
    return (
        f"decided is without {route.follow.object}, which decides for all that no pin and no rule "
        "takes: here it goes to stable (`gateway explain` takes the object)"
    )


def _of_redrive(redrive: Redrive | None) -> str:
    if redrive is None:
        return "there is no redrive policy: no message is moved away for its receive count"
    most, target = redrive.max_receives, redrive.queue
    return (
        f"after {most} receives (maxReceiveCount) the next one moves a message to {target}: this "
        f"look moves those that have had {most}, and is the last one for those that have had "
        f"{most - 1}"
    )


def message_lines(
    messages: Sequence[tuple[Message, Decision | None]],
    route: Route | None,
    redrive: Redrive | None,
    width: int | None,
    paint: Paint = plain,
) -> list[str]:
    """Return a table of the messages, without their bodies."""
    columns = (Column("MESSAGE"), *(OF_DECISIONS if route else ()), *OF_MESSAGES)
    rows = [
        [Cell(message.message_id), *decision_cells(decision), *_message(message, route, redrive)]
        for message, decision in messages
    ]
    cleaned = [[Cell(printable(each.text) or "-", each.style) for each in row] for row in rows]
    return table(columns, cleaned, width, paint)


def decision_cells(decision: Decision | None) -> list[Cell]:
    """Return the cells of OF_DECISIONS; none without a decision."""
    if decision is None:
        return []
    version, bucket = decision.version, decision.bucket
    why = f"{decision.reason.value}{f' {decision.rule}' if decision.rule else ''}"
    to = f"{version.name} ({version.tag})" if version else "retry"
    return [Cell(to), Cell(why), Cell("" if bucket is None else str(bucket))]


def _message(message: Message, route: Route | None, redrive: Redrive | None) -> list[Cell]:
    last = redrive is not None and message.receive_count >= redrive.max_receives
    receives = str(message.receive_count) + (" (last)" if last else "")
    return [
        Cell(receives, "bad" if last else ""),
        Cell(iso_8601(message.sent_ms) if message.sent_ms else ""),
        Cell(version_attribute(message, route)[:MAX_TEXT]),
        Cell((message.group or "")[:MAX_TEXT]),
        Cell(message.sender_id or ""),
    ]


def version_attribute(message: Message, route: Route | None) -> str:
    """Return the attribute that would pin the message; empty where there is none."""
    header = route.version_header if route else DEFAULT_HEADER
    return message.text(header.lower()) or ""


def as_object(message: Message, route: Route | None, decided: dict[str, Any]) -> dict[str, Any]:
    """Return a message for `--json`: what `explain` prints if there are decisions, and more."""
    return {
        "message_id": message.message_id,
        **decided,
        "receive_count": message.receive_count,
        "sent": iso_8601(message.sent_ms) if message.sent_ms else None,
        "sender": message.sender_id,
        "group": message.group,
        "version_attribute": version_attribute(message, route) or None,
    }
