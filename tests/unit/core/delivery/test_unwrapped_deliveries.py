"""What a version gets of a notification of SNS, for both values of `deliver`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.delivery import unwrapped
from gateway.core.delivery.dialect import HeaderDialect
from gateway.core.delivery.headers import message_lines
from gateway.core.delivery.unwrapped import unwrapped_lines
from gateway.core.header_budget import USUAL_ROOM
from gateway.core.messages.message import UNREAD
from gateway.core.routing.route import Deliver, Unwrap
from tests.builders import message
from tests.header_lines import pairs
from tests.notifications import SNS_ID, TOPIC, notified

if TYPE_CHECKING:
    from gateway.core.messages.message import Message

CONTEXT = {"traceparent": "00-1", "tracestate": "a=1", "baggage": "user=anna,version=v0"}
PUBLISHED = {**CONTEXT, "tenant": "acme", "content-type": "text/csv", "logo": b"\x00"}
SNS = {"x-amz-sns-topic-arn": TOPIC, "x-amz-sns-message-id": SNS_ID}


def sent(
    taken: Message, deliver: Deliver, *, room: int = USUAL_ROOM, json: bool = False
) -> tuple[dict[str, str], str]:
    dialect = HeaderDialect("version", json, Unwrap.SNS, deliver)
    lines, body = unwrapped_lines(taken, "v2", room=room, dialect=dialect)
    headers = pairs(lines)
    assert max(Counter(name.lower() for name, _ in headers).values()) == 1
    return dict(headers), body


def test_the_body_goes_as_it_came_and_only_the_context_is_read() -> None:
    taken = message(notified("id;1", PUBLISHED, Subject="a"), attributes={"own": "1"})
    headers, body = sent(taken, Deliver.BODY)
    assert body == taken.body
    assert headers == {
        "x-aws-sqsd-msgid": "m-1",
        "x-aws-sqsd-receive-count": "1",
        "content-type": "application/json",
        "traceparent": "00-1",
        "tracestate": "a=1",
        "baggage": "user=anna,version=v2",
        "x-aws-sqsd-attr-own": "1",
    }


def test_the_message_goes_with_its_attributes_and_the_ids_of_sns() -> None:
    taken = message(notified("id;1", PUBLISHED, Subject="New order"), attributes={"own": "1"})
    headers, body = sent(taken, Deliver.MESSAGE)
    assert body == "id;1"
    assert headers == {
        "x-aws-sqsd-msgid": "m-1",
        "x-aws-sqsd-receive-count": "1",
        "content-type": "text/csv",
        "traceparent": "00-1",
        "tracestate": "a=1",
        "baggage": "user=anna,version=v2",
        **SNS,
        "x-amz-sns-subject": "New order",
        "x-aws-sqsd-attr-own": "1",
        "x-aws-sqsd-attr-baggage": "user=anna,version=v0",
        "x-aws-sqsd-attr-content-type": "text/csv",
        "x-aws-sqsd-attr-logo": "AA==",
        "x-aws-sqsd-attr-tenant": "acme",
        "x-aws-sqsd-attr-traceparent": "00-1",
        "x-aws-sqsd-attr-tracestate": "a=1",
        "x-aws-sqsd-binary": "logo",
    }


@pytest.mark.parametrize(
    ("published", "content_type"),
    [
        ('{"id": 1}', "application/json"),
        ("id;1", "text/plain; charset=utf-8"),
        ("", "text/plain; charset=utf-8"),
    ],
)
def test_the_content_type_is_that_of_what_is_sent(published: str, content_type: str) -> None:
    headers, body = sent(message(notified(published)), Deliver.MESSAGE)
    assert (headers["content-type"], body) == (content_type, published)
    headers, _ = sent(message(notified(published)), Deliver.BODY)
    assert headers["content-type"] == "application/json"


def test_a_content_type_of_the_queue_is_that_of_either() -> None:
    taken = message(notified("a"), attributes={"content-type": "a/b"})
    assert sent(taken, Deliver.BODY)[0]["content-type"] == "a/b"
    assert sent(taken, Deliver.MESSAGE)[0]["content-type"] == "a/b"


def test_what_sns_says_is_encoded_and_cannot_break_its_line() -> None:
    taken = message(notified("a", Subject="caf\u00e9\r\nhost: b", TopicArn="a b ", MessageId=""))
    headers, _ = sent(taken, Deliver.MESSAGE)
    assert headers["x-amz-sns-subject"] == "caf%C3%A9%0D%0Ahost: b"
    assert headers["x-amz-sns-topic-arn"] == "a b%20"
    assert headers["x-amz-sns-message-id"] == ""
    assert headers["x-aws-sqsd-encoded"] == "x-amz-sns-topic-arn, x-amz-sns-subject"
    assert "host" not in headers


def test_what_sns_says_is_left_out_before_the_context_and_after_attributes() -> None:
    subject = "x" * 3_000
    taken = message(notified("a", {"tenant": "y" * 4_000}, Subject=subject))
    headers, _ = sent(taken, Deliver.MESSAGE)
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-tenant"
    assert headers["x-amz-sns-subject"] == subject
    taken = message(notified("a", {"traceparent": "y" * 4_000}, Subject=subject))
    headers, _ = sent(taken, Deliver.MESSAGE)
    assert headers["traceparent"] == "y" * 4_000
    assert {"x-amz-sns-subject", "x-aws-sqsd-attr-traceparent"} == set(
        headers["x-gateway-omitted"].split(", ")
    )
    headers, _ = sent(message(notified("a", Subject="x" * 1_000_000)), Deliver.MESSAGE)
    assert headers["x-gateway-omitted"] == "x-amz-sns-subject"


def test_all_attributes_in_one_header_are_those_of_what_is_sent() -> None:
    taken = message(notified("a", {"user_id": "anna"}), attributes={"own": "1"})
    headers, _ = sent(taken, Deliver.MESSAGE, json=True)
    assert headers["x-aws-sqsd-attributes"] == '{"own":"1","user_id":"anna"}'
    headers, _ = sent(taken, Deliver.BODY, json=True)
    assert headers["x-aws-sqsd-attributes"] == '{"own":"1"}'


def test_baggage_of_opentelemetry_is_read_in_an_envelope_too() -> None:
    taken = message(notified("a", {"otel.baggage": "user=anna"}))
    assert sent(taken, Deliver.BODY)[0]["baggage"] == "user=anna,version=v2"
    assert sent(taken, Deliver.MESSAGE)[0]["baggage"] == "user=anna,version=v2"


@pytest.mark.parametrize("deliver", Deliver)
def test_raw_and_other_messages_of_the_queue_are_as_they_are(deliver: Deliver) -> None:
    for body in ["{}", "id;1", "Notification", notified(Type="UnsubscribeConfirmation")]:
        taken = message(body, attributes={"tenant": "acme", "baggage": "user=anna"})
        headers, sent_body = sent(taken, deliver)
        assert sent_body == body
        assert headers == dict(pairs(message_lines(taken, "v2")))


def test_a_notification_inside_one_is_sent_as_it_is() -> None:
    inner = notified("deep", {"tenant": "acme"})
    headers, body = sent(message(notified(inner)), Deliver.MESSAGE)
    assert body == inner
    assert "x-aws-sqsd-attr-tenant" not in headers


@pytest.mark.parametrize("deliver", Deliver)
def test_a_message_in_flight_holds_no_parsed_body(deliver: Deliver) -> None:
    taken = message(notified('{"a": 1}'))
    sent(taken, deliver)
    assert taken._json is UNREAD


@pytest.mark.parametrize("deliver", Deliver)
@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("published", [PUBLISHED, {}, {"version": "v2"}])
def test_what_is_usual_goes_the_quick_way(
    deliver: Deliver, *, json: bool, published: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each notification would pay for both."""
    taken = message(notified("a", published, Subject="New order"), sender_id="AIDA", group="g")
    monkeypatch.setattr(unwrapped, "legal_lines", lambda *_, **__: "the careful way")
    assert sent(taken, deliver, json=json)[0]["x-aws-sqsd-sender-id"] == "AIDA"


@given(
    attributes=st.dictionaries(
        st.sampled_from([*PUBLISHED, "otel.baggage", "a_b"]),
        st.text("ab=,;%\u00e9 ", max_size=12) | st.binary(max_size=3),
    ),
    own=st.dictionaries(
        st.sampled_from([*PUBLISHED, "odd name"]), st.text("ab=, ", max_size=12), max_size=2
    ),
    subject=st.none() | st.text("ab \r\n\u00e9", max_size=8),
    room=st.integers(600, 9_000),
    deliver=st.sampled_from(Deliver),
    json=st.booleans(),
)
def test_the_quick_way_gives_what_the_careful_way_gives(
    *,
    attributes: dict[str, str | bytes],
    own: dict[str, str],
    subject: str | None,
    room: int,
    deliver: Deliver,
    json: bool,
) -> None:
    taken = message(notified("a", attributes, Subject=subject), attributes=own)
    quick = sent(taken, deliver, room=room, json=json)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unwrapped, "_quick_lines", lambda *_: None)
        assert quick == sent(taken, deliver, room=room, json=json)


ODD = st.text(st.sampled_from("\r\n\t %:,;=\x00\u00e9\ud800ab")) | st.text(max_size=20)


@given(
    published=ODD,
    attributes=st.dictionaries(ODD | st.sampled_from([*CONTEXT, "content-type"]), ODD, max_size=6),
    subject=st.none() | ODD,
    own=st.dictionaries(st.sampled_from(["baggage", "tenant"]), ODD, max_size=2),
    room=st.integers(1_200, 9_000),
    deliver=st.sampled_from(Deliver),
)
def test_any_notification_makes_legal_headers_within_their_room(
    published: str,
    attributes: dict[str, str],
    subject: str | None,
    own: dict[str, str],
    room: int,
    deliver: Deliver,
) -> None:
    """With `deliver: body` the body is never changed, and no header says what SNS says."""
    taken = message(notified(published, attributes, Subject=subject), attributes=own)
    headers, body = sent(taken, deliver, room=room)
    assert body == (taken.body if deliver is Deliver.BODY else published)
    assert all(value.isascii() and value == value.strip(" ") for value in headers.values())
    assert sum(len(f"{name}: {value}\r\n") for name, value in headers.items()) <= room
    assert (TOPIC in headers.values()) is (deliver is Deliver.MESSAGE)
