"""Rules made into functions, decisions made beforehand: all decide as the plain words do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.decider import decide
from gateway.core.routing.route import UnknownVersion, Unwrap
from gateway.core.routing.rules import Exact, Matcher, Prefix, Present, Regex, Rule
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
from tests.builders import CANARY, STABLE, THIRD, route, split, where
from tests.notifications import notified
from tests.plain_decision import decision_on

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

VERSIONS = (STABLE, CANARY, THIRD)
NAMES = st.sampled_from(
    ["version", "tenant", "Tenant", "TENANT", "baggage", "Baggage", "otel.baggage", "n"]
)
TEXTS = st.sampled_from(["", "a", "ab", "b", "v1", "v2", "canary", "v9", "a=b,version=v2,n=a", "1"])
BODIES = st.sampled_from(
    [
        *('{"a": "ab", "n": 1}', '{"a": {"b": "a"}}', "[1]", '"a"', "text", ""),
        '{"version": "0", "detail-type": "a", "source": "b", "detail": {}, "a": "v2"}',
        notified('{"a": "v2"}', {"version": "v1", "TENANT": "a", "baggage": "n=v9"}),
    ]
)
SOURCES = st.one_of(
    st.builds(FromAttribute, NAMES),
    st.builds(FromBaggage, st.sampled_from(["a", "n", "version"])),
    st.sampled_from([FromBody("a"), FromBody("a.b"), FromBody("n"), FromBody("@")]),
    st.just(FromGroup()),
    st.just(FromSender()),
)
VERSION_SOURCES = st.one_of(
    st.builds(FromAttribute, NAMES),
    st.builds(FromBaggage, st.sampled_from(["version", "n"])),
    st.builds(FromSession, st.sampled_from(["version", "n"])),
    st.builds(FromBodyVersion, st.sampled_from([FromBody("version"), FromBody("a")])),
)
CONDITIONS = st.one_of(
    st.builds(Exact, TEXTS),
    st.builds(Prefix, TEXTS),
    st.sampled_from([Regex("a.*"), Regex("[0-9]")]),
    st.just(Present()),
)
TESTS = st.builds(where, SOURCES, CONDITIONS, negated=st.booleans())
MATCHERS = st.builds(Matcher, st.lists(TESTS, min_size=1, max_size=3).map(tuple))
STICKY = SOURCES | st.just(FromMessageId())
SPLITS = st.builds(
    split,
    st.fixed_dictionaries(
        {"stable": st.integers(1, 5), "canary": st.integers(0, 5), "third": st.integers(0, 5)}
    ),
    seed=TEXTS,
    sticky=STICKY,
    otherwise=st.sampled_from([FromGroup(), FromMessageId()]),
)
RULES = st.builds(
    Rule,
    st.sampled_from(["one", "two"]),
    st.lists(MATCHERS, min_size=1, max_size=3).map(tuple),
    st.sampled_from(VERSIONS) | SPLITS,
)
ROUTES = st.builds(
    route,
    versions=st.just(VERSIONS),
    rules=st.lists(RULES, max_size=5).map(tuple),
    split=st.none() | SPLITS,
    unknown_version=st.sampled_from(UnknownVersion),
    version_from=st.lists(VERSION_SOURCES, max_size=4).map(tuple),
    unwrap=st.sampled_from(Unwrap),
)
MESSAGES = st.builds(
    Message,
    message_id=st.sampled_from(["m-1", "m-2", "m-3", "\ud800"]),
    body=BODIES,
    attributes=st.dictionaries(
        NAMES, st.builds(Attribute, st.sampled_from(["String", "Number", "Binary"]), TEXTS)
    ),
    group=st.none() | TEXTS,
    sender_id=st.none() | st.sampled_from(["", "AIDA", "a:b", "a:n=v1", "a:b,version=v2", "n=v2"]),
)


@given(MESSAGES, ROUTES)
def test_a_decision_is_what_the_plain_words_say(taken: Message, way: Route) -> None:
    assert decide(taken, way) == decision_on(taken, way)


@given(MESSAGES, ROUTES)
def test_deciding_twice_decides_alike(taken: Message, way: Route) -> None:
    assert decide(taken, way) == decide(taken, way)
