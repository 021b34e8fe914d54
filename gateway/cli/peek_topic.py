"""`gateway peek` for a topic: where its newest records would go, and why; nothing is committed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway.cli.exit_status import FAILED, OK
from gateway.cli.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.adapters.kafka.peek import Look
    from gateway.core.kafka.plan import TopicAddress
    from gateway.core.messages.message import Message
    from gateway.core.routing.decision import Decision
    from gateway.core.routing.route import Route

    Decided = Sequence[tuple[Message, Decision]]

OF_RECORDS: Final = (
    Column("SENT", expendable=4),
    Column("VERSION", expendable=2),
    Column("KEY", expendable=1),
)


def peek_topic(
    topic: TopicAddress,
    route: Route | None,
    count: int,
    say: Callable[[str], None],
    *,
    as_json: bool,
) -> int:
    """Print the newest records with their decisions; return the exit status."""
    from gateway.adapters.kafka.peek import Peek
    from gateway.core.kafka.records import message_of
    from gateway.core.routing.decider import decider_of
    from gateway.ports import SourceError

    if route is None or route.kafka is None:
        raise ValueError(f"no route knows the brokers of {topic.called}")
    try:
        look = Peek(route.kafka, topic, count).run()
    except SourceError as error:
        say(str(error))
        return FAILED
    for line in _said(topic.name, look, route):
        say(line)
    decider = decider_of(route)
    messages = [message_of(record) for record in look.records]
    decided = [(message, decider.decide(message)) for message in messages]
    (_print_json if as_json else _print_table)(decided, route)
    return OK


def _said(topic: str, look: Look, route: Route) -> list[str]:
    from gateway.cli.peek_words import of_weights

    shown = len(look.records)
    held = max(look.held, shown)  # by offsets, which say little of what a broker kept
    parts = f"{look.partitions} partition{'' if look.partitions == 1 else 's'}"
    records = f"{held:,} record{'' if held == 1 else 's'}"
    lines = [
        f"{topic} holds about {records} in {parts}; the newest are shown: {shown}",
        "it costs nothing: no member joins the group, and nothing is committed",
        of_weights(route),
    ]
    return lines if held else lines[:1]


def _print_json(decided: Decided, route: Route) -> None:
    from gateway.cli.explain import as_json
    from gateway.cli.peek_words import version_attribute
    from gateway.core.messages.iso_time import iso_8601

    for message, decision in decided:
        said = {
            **as_json(message, route, decision),
            "sent": iso_8601(message.sent_ms) if message.sent_ms else None,
            "key": message.group,
            "version_attribute": version_attribute(message, route) or None,
        }
        print(json.dumps(said))


def _print_table(decided: Decided, route: Route) -> None:
    from gateway.cli.peek_words import OF_DECISIONS, decision_cells
    from gateway.cli.terminal import paint_for_stdout, width_of_stdout
    from gateway.core.printable import printable

    if not decided:
        return
    rows = [
        [Cell(message.message_id), *decision_cells(decision), *_cells(message, route)]
        for message, decision in decided
    ]
    cleaned = [[Cell(printable(each.text) or "-", each.style) for each in row] for row in rows]
    columns = (Column("RECORD"), *OF_DECISIONS, *OF_RECORDS)
    print("\n".join(table(columns, cleaned, width_of_stdout(), paint_for_stdout())))


def _cells(message: Message, route: Route) -> list[Cell]:
    from gateway.cli.peek_words import MAX_TEXT, version_attribute
    from gateway.core.messages.iso_time import iso_8601

    return [
        Cell(iso_8601(message.sent_ms) if message.sent_ms else ""),
        Cell(version_attribute(message, route)[:MAX_TEXT]),
        Cell((message.group or "")[:MAX_TEXT]),
    ]
