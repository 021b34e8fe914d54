"""Where a text comes from: attribute, baggage, body, group, message id, sender."""

from __future__ import annotations

import pytest

from gateway.core.routing.sources import (
    FromAttribute,
    FromBaggage,
    FromBody,
    FromBodyVersion,
    FromGroup,
    FromMessageId,
    FromSender,
    FromSession,
)
from tests.builders import message

SHOPPER = '{"customer": {"id": 17, "tier": "beta", "vip": true, "note": null}, "items": [1, 2]}'


def test_an_attribute_is_read_in_any_case() -> None:
    assert FromAttribute("TENANT").read(message(attributes={"Tenant": "acme"})) == "acme"
    assert FromAttribute("tenant").read(message()) is None


def test_a_number_attribute_is_its_text_and_a_binary_one_its_base64() -> None:
    taken = message(attributes={"n": 1.50, "raw": b"\x00\xff"})
    assert FromAttribute("n").read(taken) == "1.5"
    assert FromAttribute("raw").read(taken) == "AP8="


def test_a_baggage_member_is_read_in_any_case() -> None:
    assert FromBaggage("VERSION").read(message(attributes={"baggage": "version=v2"})) == "v2"
    assert FromBaggage("version").read(message(attributes={"baggage": "other=v2"})) is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("customer.id", "17"),
        ("customer.tier", "beta"),
        ("customer.vip", "true"),
        ("items[1]", "2"),
        ("length(items)", "2"),
        ("items[?@ > `1`] | [0]", "2"),
        ("customer.note", None),
        ("customer.nothing", None),
        ("customer", None),
        ("items", None),
        ("customer.tier.deeper", None),
    ],
)
def test_a_path_finds_a_text_in_the_body(path: str, text: str | None) -> None:
    assert FromBody(path).read(message(SHOPPER)) == text


@pytest.mark.parametrize("body", ["", "plain text", "NaN", "{", "null"])
def test_a_body_without_json_values_has_no_text(body: str) -> None:
    assert FromBody("@").read(message(body)) is None


def test_a_json_string_is_a_body_with_one_value() -> None:
    assert FromBody("@").read(message('"beta"')) == "beta"


@pytest.mark.parametrize("path", ["", "customer.", "a[", "`", "a b", "foo(bar"])
def test_what_is_no_path_is_refused_when_the_file_is_read(path: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)expecting|unexpected|jmespath"):
        FromBody(path)


@pytest.mark.parametrize("path", ["no_such_function(id)", "length(id)", "length(id, id)"])
def test_a_function_that_does_not_take_the_value_finds_nothing(path: str) -> None:
    assert FromBody(path).read(message('{"id": 17}')) is None


def test_arithmetic_beyond_all_numbers_finds_nothing() -> None:
    assert FromBody("floor(n)").read(message('{"n": 1e999}')) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("items[?qty > `1`].sku | [0]", '{"items": [{"qty": "2", "sku": "x"}]}'),
        ("a[::0]", '{"a": [1]}'),
        ("merge(a, b)", '{"a": {}}'),
        ("contains(a, `1`)", '{"a": "text"}'),
        ("contains(a, b)", '{"a": "text", "b": 1}'),
        ("sum(a)", '{"a": [' + "9" * 4_300 + ", 1" + "0" * 4_299 + "]}"),
    ],
)
def test_no_body_makes_a_path_fail(path: str, body: str) -> None:
    """A message that trips the library is one without such a value, not one that cannot move."""
    assert FromBody(path).read(message(body)) is None


def test_the_same_path_makes_equal_sources() -> None:
    """A reload compares routes to see what changed."""
    assert FromBody("a.b") == FromBody("a.b")
    assert FromBody("a.b") != FromBody("a.c")


def test_a_group_is_read_and_may_be_missing() -> None:
    assert FromGroup().read(message(group="g-7")) == "g-7"
    assert FromGroup().read(message()) is None


def test_a_message_id_is_always_there() -> None:
    assert FromMessageId().read(message(message_id="b6d2-1")) == "b6d2-1"


def test_the_sender_is_the_whole_id() -> None:
    assert FromSender().read(message(sender_id="AROAX:b1,version=v2")) == "AROAX:b1,version=v2"
    assert FromSender().read(message()) is None


def test_a_session_names_a_member() -> None:
    assert FromSession("version").read(message(sender_id="AROAX:b1,version=v2")) == "v2"
    assert FromSession("version").read(message(sender_id="AIDAX")) is None
    assert FromSession("version").read(message()) is None


EVENT = '{"version": %s, "detail-type": "Order", "source": "shop", "detail": {"version": "v2"}}'


@pytest.mark.parametrize("version", ['"0"', "0", "0.0"])
def test_the_version_of_an_eventbridge_envelope_names_no_version(version: str) -> None:
    """It is that of the envelope, and the same for all events."""
    event = message(EVENT % version)
    assert FromBodyVersion(FromBody("version")).read(event) is None
    assert FromBodyVersion(FromBody("detail.version")).read(event) == "v2"
    assert FromBodyVersion(FromBody("version || detail.version")).read(event) == "v2"
    assert FromBody("version").read(event) == "0", "a rule still sees it"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (EVENT % '"v2"', "v2"),
        ('{"version": "0"}', "0"),
        ('{"version": "0", "detail-type": "a", "source": "b"}', "0"),
        ('{"version": 2}', "2"),
        ('{"version": null}', None),
        ('{"version": {"name": "v2"}}', None),
        ('{"version": ["v2"]}', None),
        ("[]", None),
        ("not JSON", None),
        ("", None),
    ],
)
def test_any_other_body_names_the_version_that_it_has(body: str, text: str | None) -> None:
    assert FromBodyVersion(FromBody("version")).read(message(body)) == text
