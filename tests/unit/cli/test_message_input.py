"""The shapes that `explain` takes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from gateway.cli.message_input import Item, Unreadable, read_messages

ONE = {"MessageId": "m-1", "Body": "a", "ReceiptHandle": "r"}
TWO = {"MessageId": "m-2", "Body": "b"}
RECORD = {
    "messageId": "m-3",
    "receiptHandle": "r",
    "body": "c",
    "attributes": {"ApproximateReceiveCount": "2", "MessageGroupId": "g"},
    "messageAttributes": {
        "version": {
            "stringValue": "v2",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String",
        },
        "raw": {"binaryValue": "AAEC", "dataType": "Binary"},
    },
    "md5OfBody": "0",
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders",
    "awsRegion": "eu-west-1",
}


def found(text: str | bytes) -> list[Item | Unreadable]:
    return list(read_messages(io.BytesIO(text if isinstance(text, bytes) else text.encode())))


def ids(text: str | bytes) -> list[str]:
    items = found(text)
    assert all(isinstance(item, Item) for item in items), items
    return [item.value["MessageId"] for item in items if isinstance(item, Item)]


SHAPES: dict[str, Any] = {
    "one message": ONE,
    "a list": [ONE, TWO],
    "the AWS CLI's document": {"Messages": [ONE, TWO]},
    "an SDK's response": {"Messages": [ONE], "ResponseMetadata": {"HTTPStatusCode": 200}},
    "a Lambda event": {"Records": [RECORD, RECORD]},
    "one record": RECORD,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("indent", [None, 4])
def test_every_shape_is_taken_on_one_line_and_on_many(shape: str, indent: int | None) -> None:
    value = SHAPES[shape]
    items = value if isinstance(value, list) else value.get("Messages", value.get("Records"))
    expected = [
        each.get("MessageId") or each["messageId"] for each in ([value] if items is None else items)
    ]
    text = json.dumps(value, indent=indent)
    assert ids(text) == expected
    assert ids(f"\n\n{text}\n\n") == expected
    assert ids(f"{text}\n{text}\n") == 2 * expected, "documents in a row"
    assert ids(b"\xef\xbb\xbf" + text.encode()) == expected
    assert ids(text.encode("utf-16")) == expected, "as PowerShell writes it"


def test_json_lines_are_read_as_they_come() -> None:
    def lines() -> Any:
        yield json.dumps(ONE).encode() + b"\n"
        raise AssertionError("too far")

    assert next(read_messages(lines())) == Item(1, "message", ONE)


def test_a_record_of_lambda_has_the_names_of_receive_message() -> None:
    (item,) = found(json.dumps({"Records": [RECORD]}, indent=2))
    assert isinstance(item, Item)
    assert item.place == "Records[0]"
    assert item.value["Body"] == "c"
    assert item.value["Attributes"] == RECORD["attributes"]
    attributes = item.value["MessageAttributes"]
    assert attributes["version"]["DataType"] == "String"
    assert attributes["version"]["StringValue"] == "v2"
    assert attributes["raw"] == {"BinaryValue": "AAEC", "DataType": "Binary"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n \n", "null", "[]"),
        *('{"Messages": []}', '{"Messages": null}', '{"Records": []}'),
        '{"ResponseMetadata": {"RequestId": "r"}}',
    ],
)
def test_an_empty_queue_has_no_message_and_no_problem(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "line", "place", "why"),
    [
        ("{", 1, "document", "is not JSON"),
        ('{\n"Messages": [\n{"MessageId": "m",\n}]}', 4, "document", "is not JSON"),
        ("\n\nno JSON\nat all\n", 3, "document", "is not JSON"),
        ("7", 1, "message", "must be an object"),
        ("[7]", 1, "[0]", "must be an object"),
        ('{"Messages": {}}', 1, "Messages", "must be a list"),
        ('{"Messages": [null]}', 1, "Messages[0]", "must be an object"),
        ('{"MessageBody": "x"}', 1, "message", "has no MessageId and no Body"),
        ('{"Records": [{"eventSource": "aws:s3"}]}', 1, "Records[0]", "is an event of aws:s3"),
        ('{"Records": [{"EventSource": "aws:sns"}]}', 1, "Records[0]", "is an event of aws:sns"),
        ("[" * 100_000, 1, "document", "nests too deeply"),
    ],
)
def test_bad_input_is_one_clear_problem(text: str, line: int, place: str, why: str) -> None:
    (problem,) = found(text)
    assert isinstance(problem, Unreadable)
    assert (problem.line, problem.place) == (line, place)
    assert why in problem.why


def test_a_bad_first_line_of_json_lines_is_told_and_the_others_are_read() -> None:
    bad, *good = found(f"{{\n{json.dumps(ONE)}\n{json.dumps(TWO)}\n")
    assert isinstance(bad, Unreadable)
    assert (bad.line, bad.place) == (1, "message")
    assert good == [Item(2, "message", ONE), Item(3, "message", TWO)]
