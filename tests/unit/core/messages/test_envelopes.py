"""A notification of SNS is read as what was published; any other body is as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.messages.envelopes import MAX_ATTRIBUTES, Notification, notification, unwrapped
from gateway.core.messages.message import Attribute, Message
from tests.builders import message
from tests.notifications import SNS_ID, TOPIC, notified

MIB = 1024 * 1024


def read(body: str, **rest: Any) -> Notification:
    found = notification(message(body, **rest))
    assert found is not None
    return found


def test_a_notification_is_read_as_what_was_published() -> None:
    attributes = {"tenant": "acme", "n": 7.5, "raw": b"\x00\xff", "tags": ["a", 1, None]}
    found = read(notified('{"id": 7}', attributes, Subject="New order"))
    assert (found.topic_arn, found.message_id, found.subject) == (TOPIC, SNS_ID, "New order")
    assert found.message.body == '{"id": 7}'
    assert found.message.attributes == {
        "tenant": Attribute("String", "acme"),
        "n": Attribute("Number", "7.5"),
        "raw": Attribute("Binary", "AP8="),
        "tags": Attribute("String", '["a", 1, null]'),
    }


def test_it_keeps_all_that_the_queue_says() -> None:
    said: dict[str, Any] = {
        "receipt": "r", "group": "g", "deduplication_id": "d", "receive_count": 3, "sent_ms": 4,
        "first_received_ms": 5, "sender_id": "AIDAX", "trace_header": "Root=1", "counted": False,
    }  # fmt: skip
    inside = read(notified("a"), message_id="m-7", **said).message
    assert inside.message_id == "m-7"
    assert {name: getattr(inside, name) for name in said} == said


def test_a_message_that_is_read_as_another_is_not_changed() -> None:
    outer = message(notified("a", {"tenant": "acme"}), attributes={"own": "1"})
    body, attributes = outer.body, dict(outer.attributes)
    assert unwrapped(outer) is not outer
    assert (outer.body, outer.attributes) == (body, attributes)


def test_attributes_of_the_queue_win_whatever_their_case() -> None:
    body = notified("a", {"version": "v2", "Tenant": "inside", "more": "1"})
    inside = read(body, attributes={"VERSION": "v1", "tenant": b"own"}).message
    assert inside.text("version") == "v1"
    assert inside.text("tenant") is None, "a Binary one wins too"
    assert inside.text("more") == "1"
    assert set(inside.attributes) == {"VERSION", "tenant", "more"}


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "SubscriptionConfirmation"},
        {"Type": "notification"},
        {"Type": ["Notification"]},
        {"Type": None},
        {"TopicArn": None},
        {"TopicArn": 7},
        {"MessageId": None},
        {"MessageId": {}},
        {"Message": None},
        {"Message": {"id": 7}},
        {"Message": ["a"]},
    ],
)
def test_what_lacks_a_part_is_no_notification(changes: dict[str, Any]) -> None:
    outer = message(notified(**changes))
    assert notification(outer) is None
    assert unwrapped(outer) is outer


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Notification",
        '"Notification"',
        "null",
        f"[{notified()}]",
        notified()[:-1],
        notified() + "x",
        '{"Type": "Notification", "x": NaN}',
        '["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b"}]',
    ],
)
def test_any_other_body_is_as_it_is(body: str) -> None:
    outer = message(body, attributes={"version": "v2"})
    assert unwrapped(outer) is outer


def test_a_notification_in_other_json_is_one_too() -> None:
    """Escaped, indented, with keys in another order: it is the JSON that counts."""
    keys = json.loads(notified("a"))
    assert unwrapped(message(json.dumps(keys, indent=2, sort_keys=True))).body == "a"
    escaped = notified("a").replace("Notification", "Notif\\u0069cation")
    assert unwrapped(message(escaped)).body == "a"


def test_a_notification_inside_one_is_a_body_like_any_other() -> None:
    inner = notified("deep", {"version": "v2"})
    found = read(notified(inner, {"version": "v1"}))
    assert found.message.body == inner
    assert found.message.text("version") == "v1"


@pytest.mark.parametrize("unusable", [[], "version=v2", 7, True, {}, [{"version": "v2"}]])
def test_attributes_that_are_no_object_are_ignored_and_the_message_is_read(unusable: Any) -> None:
    inside = read(notified("a", MessageAttributes=unusable), attributes={"own": "1"}).message
    assert inside.body == "a"
    assert set(inside.attributes) == {"own"}


@pytest.mark.parametrize(
    "entry",
    [
        None, [], "v2", 7, {}, {"Value": "v2"}, {"Type": "String"},
        {"DataType": "String", "StringValue": "v2"},
        {"Type": "String", "Value": 7}, {"Type": "String", "Value": None},
        {"Type": "string", "Value": "v2"}, {"Type": 7, "Value": "v2"},
        {"Type": ["String"], "Value": "v2"}, {"Type": "Object", "Value": "v2"},
        {"Type": "Binary", "Value": "no base64"}, {"Type": "Binary", "Value": "AP8"},
        {"Type": "Binary", "Value": "\u00e9\u00e9\u00e9\u00e9"},
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_used_is_ignored_and_the_others_are_read(entry: Any) -> None:
    named = {"version": entry, "tenant": {"Type": "String", "Value": "acme"}}
    inside = read(notified("a", MessageAttributes=named)).message
    assert inside.attributes == {"tenant": Attribute("String", "acme")}


@pytest.mark.parametrize("name", ["", "a b", "a\r\nhost", "caf\u00e9", "a" * 257, "a:b"])
def test_a_name_that_sns_does_not_take_is_ignored(name: str) -> None:
    assert read(notified("a", {name: "1", "tenant": "acme"})).message.text("tenant") == "acme"
    assert set(read(notified("a", {name: "1"})).message.attributes) == set()


def test_no_more_than_a_hundred_attributes_are_read_beside_the_queues_own() -> None:
    many = {f"a-{n}": "x" for n in range(MAX_ATTRIBUTES + 50)}
    inside = read(notified("a", many), attributes={"own": "1"}).message
    assert len(inside.attributes) == MAX_ATTRIBUTES + 1
    assert f"a-{MAX_ATTRIBUTES - 1}" in inside.attributes
    assert inside.text("own") == "1"


@pytest.mark.parametrize("subject", [None, 7, ["a"], {}])
def test_a_subject_that_is_no_text_is_none(subject: Any) -> None:
    assert read(notified("a", Subject=subject)).subject is None


def test_a_mebibyte_of_nested_json_is_a_text_and_counts_as_not_json() -> None:
    nested = "[" * (MIB // 2) + "]" * (MIB // 2)
    inside = read(notified(nested)).message
    assert inside.body == nested
    assert not inside.is_json


def test_an_envelope_that_nests_too_deeply_is_not_unwrapped() -> None:
    deep: Any = []
    for _ in range(1_000):
        deep = [deep]
    outer = message(notified("a", More=deep))
    assert unwrapped(outer) is outer


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["Notification", TOPIC]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("Value"), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["Type", "TopicArn", "MessageId", "Message", "MessageAttributes", "Subject"])
BODIES = (
    st.text()
    | st.dictionaries(KEYS, VALUES).map(json.dumps)
    | st.builds(
        lambda published, raw: notified(published, MessageAttributes=raw),
        st.text(),
        st.dictionaries(
            st.text() | st.sampled_from(["version", "VERSION"]),
            VALUES
            | st.fixed_dictionaries(
                {
                    "Type": st.sampled_from(["String", "String.Array", "Number", "Binary"])
                    | VALUES,
                    "Value": VALUES,
                }
            ),
        ),
    )
)


@given(BODIES, st.dictionaries(st.sampled_from(["version", "tenant"]), st.text(min_size=1)))
def test_reading_never_raises_and_changes_no_message(body: str, own: dict[str, str]) -> None:
    outer = message(body, attributes=own)
    inside = unwrapped(outer)
    assert (outer.body, set(outer.attributes)) == (body, set(own))
    assert isinstance(inside, Message)
    assert {name: inside.text(name) for name in own} == own
    assert all(isinstance(each, Attribute) for each in inside.attributes.values())
    assert inside.message_id == outer.message_id


@given(
    st.text(),
    st.dictionaries(
        st.from_regex(r"[a-z0-9_.-]{1,20}", fullmatch=True),
        st.text() | st.integers() | st.binary(),
        max_size=12,
    ),
)
def test_what_was_published_comes_out_again(published: str, attributes: dict[str, Any]) -> None:
    found = read(notified(published, attributes))
    assert found.message.body == published
    assert set(found.message.attributes) == set(attributes)
    for name, value in attributes.items():
        if isinstance(value, str):
            assert found.message.text(name) == value
