"""What a header value may be, and how any other text becomes one (docs/reference/delivery.md)."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest

from gateway.core.delivery.header_list import HeaderList, encode
from tests.header_lines import pairs

AMPLE = 8_192


def rendered(value: str, room: int) -> list[tuple[str, str]]:
    headers = HeaderList(room)
    headers.add_optional("a", value)
    return pairs(headers.render())


def added(value: str) -> tuple[str, bool]:
    headers = HeaderList(AMPLE)
    headers.add("x-name", value)
    (name, sent), *encoded = pairs(headers.render())
    assert name == "x-name"
    assert encoded in ([], [("x-aws-sqsd-encoded", "x-name")])
    return sent, bool(encoded)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "plain",
        "two words",
        "a \t b",
        "100%",
        "%0D%0A",
        "~!@#$^&*()_+-={}[]|:;'\"<>,./?`\\",
    ],
)
def test_a_legal_value_is_sent_as_it_is(value: str) -> None:
    assert added(value) == (value, False)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a\r\nx-evil: 1", "a%0D%0Ax-evil: 1"),
        ("a\nb", "a%0Ab"),
        ("\r", "%0D"),
        (" a", "%20a"),
        ("a ", "a%20"),
        ("\ta\t", "%09a%09"),
        (" \t ", "%20%09%20"),
        (" ", "%20"),
        ("\n a", "%0A a"),
        ("a \n", "a %0A"),
        (" \n a \n ", "%20%0A a %0A%20"),
        ("\x00", "%00"),
        ("a\x7fb", "a%7Fb"),
        ("a\x1fb", "a%1Fb"),
        ("caf\u00e9", "caf%C3%A9"),
        ("\U0001f600", "%F0%9F%98%80"),
        ("\u00a0a", "%C2%A0a"),
        ("\u2028", "%E2%80%A8"),
        ("\x85", "%C2%85"),
        ("100% caf\u00e9", "100%25 caf%C3%A9"),
        ("%41\n", "%2541%0A"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_any_other_value_is_percent_encoded_and_listed(value: str, sent: str) -> None:
    """A `%` is encoded only here, so that decoding gives the value back."""
    assert added(value) == (sent, True)
    assert unquote_to_bytes(sent) == value.encode("utf-8", "surrogatepass")


def test_every_single_character_of_one_byte_is_legal_or_encoded() -> None:
    for code in range(0x80):
        character = chr(code)
        visible = 0x21 <= code <= 0x7E
        assert added(character) == ((character, False) if visible else (f"%{code:02X}", True))


def test_encoding_keeps_what_is_visible_and_inner_blanks() -> None:
    assert encode("a b\tc") == "a b\tc"
    assert encode("a%b") == "a%25b"
    visible = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
    assert encode(visible + "\n") == visible + "%0A"


@pytest.mark.parametrize(("room", "sent"), [(104, False), (105, True), (106, True)])
def test_a_header_is_sent_only_where_there_is_room(room: int, *, sent: bool) -> None:
    """Name, value, colon, blank and line end: 105 bytes here."""
    kept, omitted = [("a", "x" * 100)], [("x-gateway-omitted", "a")]
    assert rendered("x" * 100, room) == (kept if sent else omitted)


def test_what_is_left_out_is_not_listed_as_encoded() -> None:
    assert rendered("\n" * 100, 250) == [("x-gateway-omitted", "a")]


def test_a_list_of_names_counts_as_a_header_does() -> None:
    """The value has its room, the list of encoded names has not."""
    assert rendered("\n" * 10, 5 + 30) == [("x-gateway-omitted", "a")]
    whole = rendered("\n" * 10, 5 + 30 + len("x-aws-sqsd-encoded: a") + 2)
    assert whole == [("a", "%0A" * 10), ("x-aws-sqsd-encoded", "a")]


def test_what_is_added_first_is_left_out_last_and_a_smaller_one_may_still_fit() -> None:
    headers = HeaderList(500)
    headers.add_optional("late", "x" * 190, late=True)
    headers.add_optional("first", "x" * 200)
    headers.add_optional("second", "x" * 250)
    headers.add_optional("small", "x")
    names = [name for name, _ in pairs(headers.render())]
    assert names == ["first", "small", "x-gateway-omitted"]
    assert pairs(headers.render())[-1][1] == "late, second"


def test_a_value_that_cannot_fit_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoding makes no value shorter; 1 MiB of it would hold up all other messages for long."""
    monkeypatch.setattr("gateway.core.delivery.header_list.encode", pytest.fail)
    headers = HeaderList(AMPLE)
    headers.add_optional("a", "\u4e2d" * 9_000)
    monkeypatch.undo()
    assert pairs(headers.render()) == [("x-gateway-omitted", "a")]
