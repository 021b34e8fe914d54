"""Conditions, matchers and rules (docs/reference/routing-file-semantics.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.core.routing.rule_index import RuleIndex
from gateway.core.routing.rules import Condition, Exact, Matcher, Prefix, Present, Regex, Rule
from gateway.core.routing.sources import FromBaggage, FromBody, FromGroup
from tests.builders import CANARY, message, rule, where

if TYPE_CHECKING:
    from gateway.core.messages.message import Message
    from gateway.core.routing.rules import Criterion


def holds(asked: Criterion | Matcher | Rule, taken: Message) -> bool:
    """Whether a message passes, as the gateway finds out."""
    match asked:
        case Rule():
            return RuleIndex((asked,)).first_match(taken) is asked
        case Matcher():
            return holds(Rule("rule-1", (asked,), CANARY), taken)
        case _:
            return holds(Matcher((asked,)), taken)


@pytest.mark.parametrize(
    ("condition", "holding", "failing"),
    [
        (Exact("acme"), ["acme"], ["Acme", "acme ", "acm", ""]),
        (Exact(""), [""], [" "]),
        (Prefix("internal-"), ["internal-", "internal-a"], ["internal", "Internal-a", "x-inter"]),
        (Prefix(""), ["", "anything"], []),
        (Regex("beta|alpha"), ["beta", "alpha"], ["beta1", "xalpha", "betaalpha", "Beta", ""]),
        (Regex("b.*"), ["b", "beta"], ["ab", "be\nta"]),
        (Regex("(?i)beta"), ["BETA"], ["BETA "]),
        (Regex("(?s)b.*a"), ["be\nta"], ["beta\n"]),
        (Regex(r"\p{Greek}+"), ["\u03b1\u03b2"], ["ab"]),
        (Regex(r"\d{3}"), ["123"], ["12", "1234", "\u0661\u0662\u0663"]),
        (Regex(""), [""], ["a"]),
        (Present(), ["", "anything"], []),
    ],
)  # fmt: skip
def test_a_condition_holds_for_the_whole_value(
    condition: Condition, holding: list[str], failing: list[str]
) -> None:
    assert [value for value in holding if not condition.holds(value)] == []
    assert [value for value in failing if condition.holds(value)] == []


@pytest.mark.parametrize("condition", [Exact(""), Prefix(""), Regex(".*"), Present()])
def test_no_condition_holds_for_a_value_that_is_not_there(condition: Condition) -> None:
    assert not condition.holds(None)


@pytest.mark.parametrize("pattern", ["(", "[a", "(?=ahead)", r"(a)\1", "(?<!behind)a", "a**"])
def test_what_is_no_re2_is_refused_with_a_reason(pattern: str) -> None:
    """Look-around and back-references are what costs other engines their linear time."""
    with pytest.raises(ValueError, match=r"^[a-z ]+[])]?: ") as refusal:
        Regex(pattern)
    assert not str(refusal.value).startswith("b'")


def test_a_reason_that_comes_as_text_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another release of the library may hand over text, or nothing at all."""
    import re2

    for given, said in ((("no ) here",), "no ) here"), ((), "")):

        def refuse(*_: object, given: tuple[str, ...] = given) -> None:
            raise re2.error(*given)

        monkeypatch.setattr(re2, "compile", refuse)
        with pytest.raises(ValueError, match=f"^{said.replace(')', '[)]')}$"):
            Regex("(")


def test_a_lone_surrogate_matches_no_pattern() -> None:
    r"""JSON can spell it (`\ud800`), UTF-8 and so RE2 cannot."""
    assert not Regex("(?s).*").holds("\ud800")


def test_an_evil_pattern_is_harmless() -> None:
    """It would keep a backtracking engine busy for longer than the universe is old."""
    assert not Regex("(a|a)*(a|a)*b").holds("a" * 50_000)


def test_equal_patterns_are_equal_conditions() -> None:
    """A reload compares routes to see what changed."""
    assert Regex("a+") == Regex("a+")
    assert Regex("a+") != Regex("a*")


def test_without_holds_unless_the_condition_does() -> None:
    internal = where("tenant", Prefix("internal-"), negated=True)
    assert holds(internal, message(attributes={"tenant": "acme"}))
    assert holds(internal, message())
    assert not holds(internal, message(attributes={"Tenant": "internal-7"}))


def test_without_present_holds_where_there_is_no_such_attribute() -> None:
    untagged = where("tenant", Present(), negated=True)
    assert holds(untagged, message())
    assert not holds(untagged, message(attributes={"tenant": "acme"}))


def test_a_matcher_holds_when_all_of_its_tests_do() -> None:
    both = Matcher((where("tenant", Exact("acme")), where(FromGroup(), Exact("g-7"))))
    assert holds(both, message(attributes={"tenant": "acme"}, group="g-7"))
    assert not holds(both, message(attributes={"tenant": "acme"}, group="g-8"))
    assert not holds(both, message(attributes={"tenant": "other"}, group="g-7"))
    assert not holds(both, message(attributes={"tenant": "acme"}))


def test_a_rule_matches_when_any_of_its_matchers_holds() -> None:
    either = Rule(
        "either",
        (Matcher((where("a", Present()),)), Matcher((where("b", Present()),))),
        CANARY,
    )
    assert holds(either, message(attributes={"a": "1"}))
    assert holds(either, message(attributes={"b": "1"}))
    assert not holds(either, message(attributes={"c": "1"}))


def test_a_baggage_member_can_be_asked_for() -> None:
    gold = where(FromBaggage("tier"), Exact("gold plus"))
    assert holds(gold, message(attributes={"baggage": "TIER=gold%20plus"}))
    assert not holds(gold, message(attributes={"tier": "gold plus"}))


@pytest.mark.parametrize(
    ("body", "path", "condition", "held"),
    [
        ('{"n": 5}', "n", Exact("5"), True),
        ('{"n": 5.0}', "n", Exact("5"), True),
        ('{"n": 5.0}', "n", Exact("5.0"), False),
        ('{"n": "5.0"}', "n", Exact("5.0"), True),
        ('{"on": true}', "on", Exact("true"), True),
        ('{"on": true}', "on", Exact("1"), False),
        ('{"on": "true"}', "on", Exact("true"), True),
        ('{"n": null}', "n", Exact("null"), False),
        ('{"n": null}', "n", Present(), False),
        ('{"n": {}}', "n", Present(), False),
        ('{"n": [1]}', "n", Present(), False),
        ('{"n": ""}', "n", Present(), True),
        ('{"n": 0}', "n", Present(), True),
        ("n: 5", "n", Present(), False),
        ("[5]", "n", Present(), False),
        ("[5]", "[0]", Exact("5"), True),
    ],
)
def test_a_body_condition_sees_scalars_alone(
    body: str, path: str, condition: Condition, *, held: bool
) -> None:
    assert holds(where(FromBody(path), condition), message(body)) is held


def test_a_body_that_is_not_json_passes_a_negated_test() -> None:
    """It has no such value, so the condition does not hold."""
    assert holds(where(FromBody("n"), Present(), negated=True), message("text"))


def test_a_rule_knows_where_it_sends() -> None:
    assert rule(CANARY).to is CANARY
