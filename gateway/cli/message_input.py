"""Messages as people have them: what the AWS CLI or kcat prints, a log, a Lambda event.

Taken are JSON Lines, a document with `Messages`, a list, one message, an event of Lambda with
`Records`, and records of a topic as `kcat -J` prints them; also several documents in a row, each
over any number of lines. JSON Lines are read as they come, so that a pipe may go on for ever.

Sources: https://docs.aws.amazon.com/cli/latest/reference/sqs/receive-message.html
and https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.kcat_records import as_received, is_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHAPES: Final = (
    "expected: messages as ReceiveMessage returns them, one a line, in a list or under Messages, "
    "a Lambda event with Records, or records of a topic as kcat -J prints them"
)

_SQS: Final = "aws:sqs"
_NOT_BLANK: Final = re.compile(r"[^ \t\r\n]")


@dataclass(frozen=True, slots=True)
class Item:
    """What stands for one message: its line, its place below that, and its value."""

    line: int
    place: str
    value: Any


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What cannot stand for a message, and why."""

    line: int
    place: str
    why: str


Found = Item | Unreadable


def read_messages(lines: Iterable[bytes]) -> Iterator[Found]:
    """Yield what stands for a message, shaped as an element of ReceiveMessage, in its order."""
    numbered = enumerate(_in_utf8(iter(lines)), 1)
    first = next(((number, line) for number, line in numbered if line.strip()), None)
    if first is None:
        return
    rest = (each for each in numbered if each[1].strip())
    if _is_json(first[1]):
        yield from _json_lines(chain([first], rest))
        return
    whole = [first, *numbered]
    documents = _documents(whole)
    if isinstance(documents, Unreadable):
        parsed = [_is_json(line) for _, line in whole if line.strip()]
        if 2 * sum(parsed) > len(parsed):  # so the first line is the odd one
            yield from _json_lines(each for each in whole if each[1].strip())
        else:
            yield documents
        return
    for line, value in documents:
        yield from _spread(line, value)


def _in_utf8(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines in UTF-8 without its mark; PowerShell writes UTF-16."""
    first = next(lines, b"")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = b"".join([first, *lines]).decode("utf-16", "replace")
        yield from text.encode("utf-8", "replace").splitlines(keepends=True)
        return
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from lines


def _json_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[Found]:
    for number, line in lines:
        try:
            value = _parsed(line)
        except ValueError as error:
            yield Unreadable(number, "message", str(error))
        else:
            yield from _spread(number, value)


def _documents(lines: list[tuple[int, bytes]]) -> list[tuple[int, Any]] | Unreadable:
    """Return each document with its first line, or why one of them is none."""
    start, decoder = lines[0][0], json.JSONDecoder()
    found, place, line = [], 0, start
    try:
        text = b"".join(line for _, line in lines).decode()
        while begin := _NOT_BLANK.search(text, place):
            line += text.count("\n", place, begin.start())
            value, place = decoder.raw_decode(text, begin.start())
            found.append((line, value))
            line += text.count("\n", begin.start(), place)
    except RecursionError:
        return Unreadable(line, "document", "nests too deeply")
    except json.JSONDecodeError as error:
        where = start + error.lineno - 1
        return Unreadable(where, "document", f"is not JSON: {error.msg}, column {error.colno}")
    except ValueError as error:
        return Unreadable(line, "document", f"is not JSON: {error}")
    return found


def _spread(line: int, value: Any) -> Iterator[Found]:
    """Yield the messages of a document; `null` is what the AWS CLI prints for none."""
    if value is None:
        return
    if isinstance(value, list):
        yield from _listed(line, "", value)
    elif isinstance(value, dict) and not _is_one(value):
        yield from _of_response(line, value)
    else:
        yield _item(line, "message", value)


def _is_one(value: dict[str, Any]) -> bool:
    """Whether it is one message, and not a document that has some."""
    return bool({"MessageId", "Body", "messageId"} & value.keys()) or is_record(value)


def _of_response(line: int, value: dict[str, Any]) -> Iterator[Found]:
    for key in ("Messages", "Records"):
        if key not in value:
            continue
        items = value[key]
        if items is not None and not isinstance(items, list):
            yield Unreadable(line, key, "must be a list")
            return
        yield from _listed(line, key, items or [])
        return
    if "ResponseMetadata" not in value:  # all that an SDK returns of an empty queue
        yield Unreadable(line, "message", "has no MessageId and no Body")


def _listed(line: int, key: str, items: list[Any]) -> Iterator[Found]:
    for index, item in enumerate(items):
        yield _item(line, f"{key}[{index}]", item)


def _item(line: int, place: str, value: Any) -> Found:
    if not isinstance(value, dict):
        return Unreadable(line, place, "must be an object as ReceiveMessage returns it")
    source = value.get("eventSource", value.get("EventSource", _SQS))
    if source != _SQS:
        return Unreadable(line, place, f"is an event of {source}, not of SQS ({_SQS})")
    if is_record(value):
        try:
            return Item(line, place, as_received(value))
        except ValueError as error:
            return Unreadable(line, place, str(error))
    is_lambdas = "messageId" in value and "MessageId" not in value
    return Item(line, place, _of_lambda(value) if is_lambdas else value)


def _of_lambda(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of a Lambda event with the names of ReceiveMessage."""
    attributes = record.get("messageAttributes")
    if isinstance(attributes, dict):
        attributes = {name: _capitalized(value) for name, value in attributes.items()}
    names = {"messageId": "MessageId", "body": "Body", "receiptHandle": "ReceiptHandle"}
    plain = {new: record[old] for old, new in names.items() if old in record}
    return {
        **plain, "Attributes": record.get("attributes"), "MessageAttributes": attributes,
    }  # fmt: skip


def _capitalized(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name[:1].upper() + name[1:]: each for name, each in value.items()}


def _is_json(line: bytes) -> bool:
    try:
        _parsed(line)
    except ValueError:
        return False
    return True


def _parsed(line: bytes) -> Any:
    """Return the JSON of a line; raises ValueError, which says what is wrong with it."""
    try:
        return json.loads(line)
    except UnicodeDecodeError as error:
        return _parsed_bytes(line, error)
    except RecursionError:
        raise ValueError("nests too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None


def _parsed_bytes(line: bytes, why: UnicodeDecodeError) -> Any:
    """Return the record of a line that is no UTF-8, since its key or its value is none."""
    try:
        value = json.loads(line.decode("utf-8", "surrogateescape"))
    except (RecursionError, ValueError):
        value = None
    if not is_record(value):
        raise ValueError(f"is not JSON: {why}") from None
    return value
