"""decide(): the order of pin, rule, split and default (docs/reference/decisions.md)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.messages.message import UNREAD
from gateway.core.routing.decider import decide
from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.route import UnknownVersion, Unwrap
from gateway.core.routing.rules import Exact, Prefix, Present
from gateway.core.routing.sources import (
    FromAttribute,
    FromBaggage,
    FromBody,
    FromBodyVersion,
    FromSender,
    FromSession,
)
from gateway.core.routing.split import bucket_of
from tests.builders import CANARY, STABLE, THIRD, message, route, rule, split, version, where
from tests.notifications import notified

ACME = where("tenant", Exact("acme"))
EVERYTHING: dict[str, Any] = {
    "weights": {"stable": 50, "canary": 50},
    "rules": (rule(CANARY, ACME, name="beta-customers"),),
}


def pinned(text: str, **attributes: str) -> Any:
    return message(attributes={"version": text, **attributes})


@pytest.mark.parametrize("text", ["v2", "canary"])
def test_a_message_that_names_a_tag_or_a_version_is_pinned_to_it(text: str) -> None:
    assert decide(pinned(text), route(**EVERYTHING)) == Decision(CANARY, Reason.PINNED)


def test_a_pin_beats_rule_and_split() -> None:
    assert decide(pinned("v1", tenant="acme"), route(**EVERYTHING)) == Decision(
        STABLE, Reason.PINNED
    )


@pytest.mark.parametrize("text", ["V2", "Canary", " v2", "v", ""])
def test_a_pin_names_its_version_exactly(text: str) -> None:
    """Names of attributes fold their case, values do not."""
    assert decide(pinned(text), route()) == Decision(STABLE, Reason.DEFAULT)


def test_the_attribute_is_asked_before_the_baggage() -> None:
    both = message(attributes={"version": "v1", "baggage": "version=v2"})
    assert decide(both, route()).version is STABLE
    only_baggage = message(attributes={"baggage": "version=v2"})
    assert decide(only_baggage, route()) == Decision(CANARY, Reason.PINNED)


def test_the_first_source_that_is_present_wins_even_if_it_names_no_version() -> None:
    stale = message(attributes={"version": "v0", "baggage": "version=v2"})
    assert decide(stale, route()) == Decision(STABLE, Reason.DEFAULT)


def test_a_route_may_read_the_version_elsewhere_or_nowhere() -> None:
    renamed = route(version_from=(FromBaggage("release"), FromAttribute("release")))
    assert decide(message(attributes={"release": "v2"}), renamed).reason == Reason.PINNED
    assert decide(pinned("v2"), renamed).reason == Reason.DEFAULT
    assert decide(pinned("v2"), route(version_from=())).reason == Reason.DEFAULT


BY_B1 = "AROAEXAMPLE:b1,version=v2"
PINNED = Decision(CANARY, Reason.PINNED)
DEFAULT = Decision(STABLE, Reason.DEFAULT)


@pytest.mark.parametrize(
    ("sender_id", "attributes", "decision"),
    [
        (BY_B1, {}, PINNED),
        (BY_B1, {"tenant": "acme"}, PINNED),
        (BY_B1, {"version": "v1"}, Decision(STABLE, Reason.PINNED)),
        (BY_B1, {"baggage": "version=v1"}, Decision(STABLE, Reason.PINNED)),
        (BY_B1, {"version": "v0"}, DEFAULT),
        ("AROAEXAMPLE:b1,version=v0", {}, DEFAULT),
        ("AROAEXAMPLE:b1", {}, DEFAULT),
        ("version=v2", {}, DEFAULT),
        ("AIDAEXAMPLE", {}, DEFAULT),
        ("", {}, DEFAULT),
        (None, {}, DEFAULT),
    ],
)
def test_the_sender_is_asked_last(
    sender_id: str | None, attributes: dict[str, str], decision: Decision
) -> None:
    """In the default order: attribute, baggage, the session of who sent the message."""
    assert decide(message(sender_id=sender_id, attributes=attributes), route()) == decision


@pytest.mark.parametrize("sender_id", [BY_B1, "AROAEXAMPLE:b1", "AIDAEXAMPLE", None])
def test_a_sender_that_is_asked_first_hides_no_other_source(sender_id: str | None) -> None:
    first = route(version_from=(FromSession("version"), FromAttribute("version")))
    taken = message(sender_id=sender_id, attributes={"version": "v1"})
    version = CANARY if sender_id == BY_B1 else STABLE
    assert decide(taken, first) == Decision(version, Reason.PINNED)
    two = route(version_from=(FromSession("release"), FromSession("version")))
    expected = PINNED if sender_id == BY_B1 else DEFAULT
    assert decide(message(sender_id=sender_id), two) == expected


def test_a_body_may_name_the_version_also_without_attributes() -> None:
    by_body = route(version_from=(FromBodyVersion(FromBody("detail.version")),))
    assert decide(message('{"detail": {"version": "v2"}}'), by_body) == PINNED
    assert decide(message('{"detail": {"version": null}}'), by_body) == DEFAULT
    after_sender = route(version_from=(FromSession("version"), *by_body.version_from))
    assert decide(message('{"detail": {"version": "v2"}}'), after_sender) == PINNED


def test_an_attribute_version_of_any_type_is_asked_by_its_text() -> None:
    """A Binary one by its base64, which names no version unless one is called so."""
    assert decide(message(attributes={"version": b"v2"}), route()) == DEFAULT
    assert decide(message(attributes={"version": 2}), route()) == DEFAULT
    numbered = version("canary", tag="2")
    found = decide(message(attributes={"version": 2}), route(versions=[STABLE, numbered]))
    assert found == Decision(numbered, Reason.PINNED)


def test_what_was_published_decides_where_the_route_unwraps() -> None:
    """The pin, the rules and the sticky key are looked up in what SNS delivered."""
    of_sns = route(
        unwrap=Unwrap.SNS,
        weights={"stable": 50, "canary": 50},
        sticky=FromBody("id"),
        rules=(
            rule(CANARY, ACME),
            rule(STABLE, where(FromBody("tier"), Exact("gold")), name="gold"),
        ),
    )
    assert decide(message(notified("", {"version": "v2"})), of_sns) == PINNED
    assert decide(message(notified("", {"baggage": "version=v2"})), of_sns) == PINNED
    assert decide(message(notified("", {"tenant": "acme"})), of_sns).rule == "rule-1"
    assert decide(message(notified('{"tier": "gold"}')), of_sns).rule == "gold"
    ours = message(notified("", {"version": "v2"}), attributes={"version": "v1"})
    assert decide(ours, of_sns) == Decision(STABLE, Reason.PINNED)
    bucket = decide(message(notified('{"id": 17}'), message_id="m-9"), of_sns).bucket
    assert bucket == bucket_of("orders", "17")
    no_id = decide(message(notified("{}"), message_id="m-9"), of_sns)
    assert no_id.bucket == bucket_of("orders", "m-9")


def test_an_envelope_is_a_body_like_any_other_where_the_route_does_not_unwrap() -> None:
    taken = message(notified("", {"version": "v2"}))
    assert decide(taken, route()) == DEFAULT
    by_path = route(version_from=(FromBodyVersion(FromBody("MessageAttributes.version.Value")),))
    assert decide(taken, by_path) == PINNED


def test_raw_and_other_messages_share_a_queue() -> None:
    of_sns = route(
        unwrap=Unwrap.SNS,
        version_from=(FromAttribute("version"), FromBodyVersion(FromBody("v"))),
    )
    for body in ['{"v": "v2"}', notified('{"v": "v2"}'), notified("", {"version": "v2"})]:
        assert decide(message(body), of_sns) == PINNED
    assert decide(message("{}", attributes={"version": "v2"}), of_sns) == PINNED
    inside_another = message(notified(notified('{"v": "v2"}', {"version": "v2"})))
    assert decide(inside_another, of_sns) == DEFAULT, "unwrapped once"


def test_a_decided_message_holds_no_parsed_body() -> None:
    for body in [notified('{"v": "v2"}'), '{"Type": "Notification"}']:
        taken = message(body)
        decide(taken, route(unwrap=Unwrap.SNS))
        assert taken._json is UNREAD


def test_a_rule_may_ask_who_sent_the_message() -> None:
    by_b1 = rule(CANARY, where(FromSender(), Prefix("AROAEXAMPLE:")))
    taken = Decision(CANARY, Reason.RULE, "rule-1")
    assert decide(message(sender_id="AROAEXAMPLE:b1"), route(rules=(by_b1,))) == taken
    assert decide(message(sender_id="AROAOTHER:b1"), route(rules=(by_b1,))) == DEFAULT
    assert decide(message(), route(rules=(by_b1,))) == DEFAULT
    not_b1 = rule(CANARY, where(FromSender(), Prefix("AROAEXAMPLE:"), negated=True))
    assert decide(message(), route(rules=(not_b1,))) == taken
    assert decide(message(sender_id="AROAEXAMPLE:b1"), route(rules=(not_b1,))) == DEFAULT


def test_an_unknown_version_goes_on_as_if_none_were_named() -> None:
    """`split`, the default: steps 2 to 4 decide and give the reason."""
    by_rule = decide(pinned("v0", tenant="acme"), route(**EVERYTHING))
    assert by_rule == Decision(CANARY, Reason.RULE, "beta-customers")
    by_split = decide(pinned("v0"), route(**EVERYTHING))
    assert by_split == Decision(CANARY, Reason.SPLIT, bucket=1_754)
    assert decide(pinned("v0"), route()) == Decision(STABLE, Reason.DEFAULT)


def test_an_unknown_version_may_go_to_stable() -> None:
    to_stable = route(unknown_version=UnknownVersion.STABLE, **EVERYTHING)
    decision = decide(pinned("v0", tenant="acme"), to_stable)
    assert decision == Decision(STABLE, Reason.UNKNOWN_VERSION)


def test_an_unknown_version_may_wait_until_there_is_one() -> None:
    waiting = route(unknown_version=UnknownVersion.RETRY, **EVERYTHING)
    decision = decide(pinned("v0", tenant="acme"), waiting)
    assert decision == Decision(None, Reason.UNKNOWN_VERSION)
    assert decide(pinned("v2"), waiting) == Decision(CANARY, Reason.PINNED)


@pytest.mark.parametrize("mode", list(UnknownVersion))
def test_a_message_that_names_no_version_is_not_unknown(mode: UnknownVersion) -> None:
    assert decide(message(), route(unknown_version=mode)) == Decision(STABLE, Reason.DEFAULT)


def test_the_first_rule_that_matches_wins() -> None:
    ordered = route(
        versions=(STABLE, CANARY, THIRD),
        rules=(
            rule(CANARY, where("tenant", Exact("other")), name="not-this"),
            rule(THIRD, ACME, name="this"),
            rule(CANARY, where("tenant", Present()), name="too-late"),
        ),
    )
    decision = decide(message(attributes={"tenant": "acme"}), ordered)
    assert decision == Decision(THIRD, Reason.RULE, "this")


def test_a_rule_may_name_stable() -> None:
    kept_back = route({"stable": 0, "canary": 1}, rules=(rule(STABLE, ACME),))
    decision = decide(message(attributes={"tenant": "acme"}), kept_back)
    assert decision == Decision(STABLE, Reason.RULE, "rule-1")


def test_a_rule_with_a_split_of_its_own_gives_the_bucket_too() -> None:
    half = split({"stable": 0, "canary": 100}, sticky=FromBody("customer.id"))
    with_split = route({"stable": 1}, rules=(rule(half, ACME, name="half"),))
    taken = message('{"customer": {"id": 17}}', attributes={"tenant": "acme"})
    decision = decide(taken, with_split)
    assert decision == Decision(CANARY, Reason.RULE, "half", bucket_of("orders", "17"))


def test_what_no_rule_took_is_split() -> None:
    decision = decide(message(attributes={"tenant": "other"}), route(**EVERYTHING))
    assert decision == Decision(CANARY, Reason.SPLIT, bucket=1_754)


def test_without_a_split_all_goes_to_stable() -> None:
    assert decide(message(), route()) == Decision(STABLE, Reason.DEFAULT)
    second_is_stable = route(stable=CANARY)
    assert decide(message(), second_is_stable) == Decision(CANARY, Reason.DEFAULT)


def test_a_message_group_is_never_split_across_versions() -> None:
    """On a FIFO queue the group is the sticky key unless the file says otherwise."""
    fifo = route({"stable": 50, "canary": 50}, queue="orders.fifo")
    of_one_group = [message(message_id=f"m-{n}", group="g-7") for n in range(50)]
    assert len({decide(each, fifo) for each in of_one_group}) == 1
    of_many_groups = [message(group=f"g-{n}") for n in range(50)]
    assert {decide(each, fifo).version for each in of_many_groups} == {STABLE, CANARY}


def test_reasons_are_the_words_of_the_contract() -> None:
    assert {str(reason) for reason in Reason} == {
        "pinned", "unknown_version", "rule", "split", "default", "fallback", "mirror",
    }  # fmt: skip
