"""Every delivery has the headers of docs/reference/delivery.md and no others."""

from __future__ import annotations

import json
import string
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.delivery import headers
from gateway.core.delivery.dialect import HeaderDialect
from gateway.core.delivery.escaped_headers import legal_lines
from gateway.core.delivery.headers import delivery_headers, message_lines
from gateway.core.header_budget import USUAL_ROOM
from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.decision import Reason
from tests.builders import CANARY, STABLE, message
from tests.header_lines import pairs

ATTRIBUTE = "x-aws-sqsd-attr-"
TABLE = {
    "version", "content-type", "x-aws-sqsd-msgid", "x-aws-sqsd-queue",
    "x-aws-sqsd-first-received-at", "x-aws-sqsd-receive-count", "x-aws-sqsd-sender-id",
    "x-aws-sqsd-binary", "traceparent", "tracestate", "baggage", "x-amzn-trace-id",
    "x-gateway-route", "x-gateway-version", "x-gateway-reason", "x-gateway-mirror",
    "message-group-id", "message-deduplication-id", "x-aws-sqsd-encoded", "x-gateway-omitted",
}  # fmt: skip
TOKEN = set(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")

NASTY = st.text(st.sampled_from("\r\n\t %:,;=\x00\x7f\x80\u00e9\ud800ab"))
LONG = st.builds(
    lambda unit, times: unit * times, st.sampled_from(["x", "\n", "a "]), st.integers(900, 9_000)
)
ANY_TEXT = NASTY | st.text(st.characters(), max_size=20) | LONG
LEGAL_NAME = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=12)
SPECIAL_NAME = st.sampled_from(
    ["version", "content-type", "traceparent", "tracestate", "baggage", "host", "x-gateway-route"]
).flatmap(lambda name: st.sampled_from([name, name.title(), name.upper()]))
ATTRIBUTES = st.dictionaries(
    LEGAL_NAME | SPECIAL_NAME | NASTY,
    st.builds(Attribute, st.just("String"), ANY_TEXT)
    | st.builds(Attribute, st.just("Number"), st.integers().map(str))
    | st.builds(
        Attribute, st.just("Binary.x"), st.binary().map(lambda raw: b64encode(raw).decode())
    ),
    max_size=12,
)
MESSAGES = st.builds(
    Message,
    message_id=ANY_TEXT,
    body=ANY_TEXT | st.just("{}"),
    attributes=ATTRIBUTES,
    group=st.none() | ANY_TEXT,
    deduplication_id=st.none() | ANY_TEXT,
    receive_count=st.integers(1, 10**9),
    first_received_ms=st.integers(0, 2**45),
    sender_id=st.none() | ANY_TEXT,
    trace_header=st.none() | ANY_TEXT,
    counted=st.booleans(),
)


DIALECTS = st.builds(HeaderDialect, st.sampled_from(["version", "X-Tag"]), st.booleans())


@dataclass(frozen=True)
class Sent:
    """A message and the headers that its delivery has."""

    message: Message
    headers: list[tuple[str, str]]

    def listed(self, name: str) -> list[str]:
        return dict(self.headers).get(name, "").split(", ")


@st.composite
def deliveries(draw: st.DrawFn) -> Sent:
    taken = draw(MESSAGES)
    lines = delivery_headers(
        taken,
        route="orders",
        queue="orders.fifo",
        belongs_to=CANARY,
        delivered_to=draw(st.sampled_from([CANARY, STABLE])),
        reason=draw(st.sampled_from(Reason)),
    )
    assert lines.isascii()
    return Sent(taken, pairs(lines))


def is_legal(value: str) -> bool:
    visible = all(0x21 <= ord(character) <= 0x7E or character in " \t" for character in value)
    return visible and value == value.strip(" \t")


@given(taken=MESSAGES, room=st.integers(-1_000, 20_000), dialect=DIALECTS)
def test_the_quick_way_gives_what_the_careful_way_gives_or_nothing(
    taken: Message, room: int, dialect: HeaderDialect
) -> None:
    quick = message_lines(taken, "v2", room=room, dialect=dialect)
    assert quick == legal_lines(taken, "v2", room=room, dialect=dialect)


@given(deliveries())
def test_group_and_deduplication_id_are_sent_wherever_there_is_one(sent: Sent) -> None:
    names = dict(sent.headers)
    assert ("message-group-id" in names) is (sent.message.group is not None)
    assert ("message-deduplication-id" in names) is (sent.message.deduplication_id is not None)


PLAIN = st.text(string.ascii_letters + string.digits + "_-.=:/%,;", min_size=1, max_size=60)


@given(
    st.dictionaries(
        LEGAL_NAME | st.sampled_from(["content-type", "traceparent", "baggage", "version"]),
        st.builds(Attribute, st.sampled_from(["String", "Number", "Binary"]), PLAIN),
        max_size=9,
    ).filter(lambda named: len({name.lower() for name in named}) == len(named)),
    PLAIN,
    st.none() | PLAIN,
)
def test_what_is_plain_goes_the_quick_way(
    attributes: dict[str, Attribute], message_id: str, sender_id: str | None
) -> None:
    """Otherwise each message would pay for both."""
    taken = message(message_id=message_id, sender_id=sender_id, attributes=attributes)
    expected = legal_lines(taken, "v2", room=USUAL_ROOM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "legal_lines", lambda *_, **__: "the careful way")
        assert message_lines(taken, "v2") == expected


@given(deliveries())
def test_every_name_is_a_token_and_every_value_legal(sent: Sent) -> None:
    assert [name for name, _ in sent.headers if not name or set(name) - TOKEN] == []
    assert [pair for pair in sent.headers if not is_legal(pair[1])] == []


@given(deliveries())
def test_no_header_is_outside_the_table_and_none_comes_twice(sent: Sent) -> None:
    names = [name for name, _ in sent.headers]
    assert [name for name in names if name not in TABLE and not name.startswith(ATTRIBUTE)] == []
    assert max(Counter(name.lower() for name in names).values()) == 1


@given(deliveries())
def test_what_a_message_cannot_change_it_does_not_change(sent: Sent) -> None:
    headers = dict(sent.headers)
    assert headers["version"] == "v2"
    assert headers["x-gateway-route"] == "orders"
    assert headers["x-gateway-version"] in ("canary", "stable")
    assert headers["baggage"].endswith("version=v2")
    assert headers["baggage"].lower().count(",version=") <= 1


@given(MESSAGES)
def test_the_header_of_all_attributes_is_json_in_ascii_and_never_encoded(
    taken: Message,
) -> None:
    dialect = HeaderDialect(attributes_json=True)
    sent = dict(pairs(message_lines(taken, "v2", room=1_000_000, dialect=dialect)))
    texts = {name: attribute.text for name, attribute in taken.attributes.items()}
    assert json.loads(sent["x-aws-sqsd-attributes"]) == json.loads(json.dumps(texts))
    assert sent["x-aws-sqsd-attributes"].isascii()
    assert "x-aws-sqsd-attributes" not in sent.get("x-aws-sqsd-encoded", "").split(", ")


SHORT = st.none() | st.text(st.sampled_from("\r\n%:=\u00e9ab"), max_size=20)
SQS_NAME = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=256)


@given(
    st.builds(
        Message,
        message_id=st.uuids().map(str),
        body=st.just("{}"),
        attributes=st.dictionaries(
            SQS_NAME | SPECIAL_NAME,
            st.builds(Attribute, st.sampled_from(["String", "Binary"]), ANY_TEXT | PLAIN),
            max_size=10,
        ),
        group=SHORT,
        deduplication_id=SHORT,
        sender_id=SHORT,
        trace_header=st.none() | ANY_TEXT,
    ),
    st.integers(1_200, 20_000),
    DIALECTS,
)
def test_all_headers_of_a_message_stay_within_their_room(
    taken: Message,
    room: int,
    dialect: HeaderDialect,
) -> None:
    """With names as long as SQS allows: their list is cut where it alone would be too long."""
    lines = message_lines(taken, "v2", room=room, dialect=dialect)
    assert len(lines) <= room


def original(sent: Sent, header: str) -> str | None:
    """Return what the message has for a header, before any encoding."""
    taken = sent.message
    if header.startswith(ATTRIBUTE):
        return taken.attributes[header.removeprefix(ATTRIBUTE)].text
    by_field = {
        "x-aws-sqsd-msgid": taken.message_id,
        "x-aws-sqsd-sender-id": taken.sender_id,
        "x-amzn-trace-id": taken.trace_header,
        "message-group-id": taken.group,
        "message-deduplication-id": taken.deduplication_id,
    }
    if header in by_field:
        return by_field[header]
    if header in ("content-type", "traceparent", "tracestate"):
        named = sorted(name for name in taken.attributes if name.lower() == header)
        return taken.attributes[named[0]].text if named else None
    return None


@given(deliveries())
def test_decoding_an_encoded_header_gives_the_value_back_and_others_need_none(sent: Sent) -> None:
    headers = dict(sent.headers)
    defaults = {"application/json", "text/plain; charset=utf-8"}
    for name, value in sent.headers:
        before = original(sent, name)
        if before is None or (name == "content-type" and value in defaults):
            continue
        if name in sent.listed("x-aws-sqsd-encoded"):
            assert not is_legal(before)
            assert unquote_to_bytes(value) == before.encode("utf-8", "surrogatepass")
        else:
            assert value == before
    assert set(sent.listed("x-aws-sqsd-encoded")) <= {*headers, ""}


@given(deliveries())
def test_every_attribute_is_sent_or_named_as_omitted(sent: Sent) -> None:
    """Names that are no tokens may hold commas, so only the others can be looked up in the list.

    The list is cut only where the headers that are always sent and the list do not fit together.
    """
    headers, omitted = dict(sent.headers), sent.listed("x-gateway-omitted")
    if omitted[-1] == "...":
        always = sum(len(f"{name}: {value}\r\n") for name, value in sent.headers)
        named = sum(len(ATTRIBUTE + name) for name in sent.message.attributes)
        assert always + 3 * named > 6 * 1024
        return
    for name in sent.message.attributes:
        if name and not set(name) - TOKEN:
            assert (ATTRIBUTE + name in headers) is (ATTRIBUTE + name not in omitted)


@given(deliveries())
def test_exactly_the_binary_attributes_that_are_sent_are_listed_so(sent: Sent) -> None:
    names = [name.removeprefix(ATTRIBUTE) for name, _ in sent.headers if ATTRIBUTE in name]
    binary = {name for name in names if sent.message.attributes[name].data_type == "Binary.x"}
    assert set(sent.listed("x-aws-sqsd-binary")) - {""} == binary
