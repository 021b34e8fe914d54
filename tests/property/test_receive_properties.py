"""A received message is read the quick way and the careful way with one result."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.messages import message as messages

FIELDS = (
    "message_id", "body", "receipt", "attributes", "group", "deduplication_id", "receive_count",
    "sent_ms", "first_received_ms", "sender_id", "trace_header",
    "counted",
)  # fmt: skip
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, 7, -1.5, True, float("inf"), "", "x", "12", " 5 ", [], {}, ["a"]]
)
NUMBERS = st.sampled_from(["1", "1700000000456", "\u0663"])
TEXT = st.sampled_from(["", "a", "version", "\ud800"])
ATTRIBUTE = st.fixed_dictionaries(
    {
        "DataType": st.sampled_from(["String", "Number.int", "Binary", "Binary.gif", "Bin", ""])
        | ODD
    },
    optional={"StringValue": TEXT | ODD, "BinaryValue": TEXT | ODD},
)
SYSTEM = st.fixed_dictionaries(
    {},
    optional={
        "ApproximateReceiveCount": NUMBERS | ODD,
        "SentTimestamp": NUMBERS | ODD,
        "ApproximateFirstReceiveTimestamp": NUMBERS | ODD,
        **dict.fromkeys(
            ("MessageGroupId", "MessageDeduplicationId", "SenderId", "AWSTraceHeader"), TEXT | ODD
        ),
    },
)
RAW = st.fixed_dictionaries(
    {},
    optional={
        "MessageId": TEXT | ODD,
        "Body": TEXT | ODD,
        "ReceiptHandle": TEXT | ODD,
        "Attributes": SYSTEM | ODD,
        "MessageAttributes": st.dictionaries(TEXT, ATTRIBUTE | ODD, max_size=3) | ODD,
    },
)
PLAIN_ATTRIBUTE = st.fixed_dictionaries({"DataType": st.just("String"), "StringValue": TEXT})
USUAL = st.fixed_dictionaries(
    {
        **dict.fromkeys(("MessageId", "Body", "ReceiptHandle"), TEXT),
        "Attributes": st.fixed_dictionaries(
            {
                "ApproximateReceiveCount": NUMBERS,
                "SentTimestamp": NUMBERS,
                "ApproximateFirstReceiveTimestamp": NUMBERS,
            },
            optional=dict.fromkeys(("MessageGroupId", "SenderId", "AWSTraceHeader"), TEXT),
        ),
    },
    optional={"MessageAttributes": st.dictionaries(TEXT, PLAIN_ATTRIBUTE, max_size=3)},
)


def read(way: Any, raw: dict[str, Any]) -> tuple[Any, ...] | str:
    """Return all fields, or what is wrong in words."""
    try:
        taken = way(raw)
    except ValueError as error:
        return str(error)
    return tuple((type(getattr(taken, name)), getattr(taken, name)) for name in FIELDS)


@st.composite
def marred(draw: st.DrawFn) -> dict[str, Any]:
    """Make a usual message with one odd thing in it."""
    raw: dict[str, Any] = draw(USUAL)
    places = [raw, raw["Attributes"], raw.get("MessageAttributes") or raw]
    place: dict[str, Any] = draw(st.sampled_from(places))
    place[draw(st.sampled_from(sorted(place)))] = draw(ODD | ATTRIBUTE)
    return raw


@given(RAW | marred())
def test_any_element_is_read_or_rejected_as_by_the_careful_way(raw: dict[str, Any]) -> None:
    assert read(messages.message_from_receive, raw) == read(messages._read_any, raw)


@given(USUAL)
def test_a_usual_element_takes_the_quick_way(raw: dict[str, Any]) -> None:
    """Otherwise each message would pay for both."""
    trusted = read(lambda each: messages._read_usual(each, each["Attributes"]), raw)
    assert trusted == read(messages._read_any, raw)
