"""What a sound routing file becomes: exactly these objects, defaults included."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from gateway.config.file import read
from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound
from gateway.core.addresses import QueueAddress
from gateway.core.rollout.plan import Plan, Rollback
from gateway.core.routing import rules
from gateway.core.routing.mirror import Mirror
from gateway.core.routing.route import (
    Backoff,
    Deliver,
    Fallback,
    FallbackOn,
    Linger,
    Route,
    RoutingTable,
    UnknownVersion,
    Unwrap,
)
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
from gateway.core.routing.split import Split
from gateway.core.routing.version import Version

VERSION_FROM = (FromAttribute("version"), FromBaggage("version"), FromSession("version"))
SMALLEST = b"""routes:
  - name: orders
    queue: orders                                  # queue name, URL or ARN
    versions:
      stable: http://b.shop:8080/events
      canary: http://b1.shop:8080/events
    split: {stable: 90, canary: 10}
"""


def route_of(more: str = "", *, queue: str = "orders", versions: str | None = None) -> Route:
    """Load one route; `more` are further keys, each on a line of its own."""
    stated = versions or "{stable: http://b/, canary: http://b1/}"
    text = f"routes:\n- name: orders\n  queue: {queue}\n  versions: {stated}\n"
    indented = "".join(f"  {line}\n" for line in more.splitlines())
    (route,) = load((text + indented).encode(), "routes.yaml").routes
    return route


def conditions_of(match: str) -> list[Any]:
    """Load one rule with this match and return what it tests."""
    (rule,) = route_of(f"rules: [{{match: {match}, to: canary}}]").rules
    return [test for matcher in rule.matchers for test in matcher.criteria]


def test_the_full_example_becomes_exactly_this(everything: bytes) -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo"
    stable = Version(
        "stable",
        "v1",
        "http://b.shop:8080/events",
        timeout_seconds=30.0,
        max_in_flight=100,
        least_in_flight=10,
        max_rate=500.0,
        headers=(("x-team", "shop"),),
    )
    canary = Version("canary", "v2", "http://b1.shop:8080/events", 30.0, 100)
    order, group, message_id = (canary, stable), FromGroup(), FromMessageId()
    tenant = FromAttribute("tenant")
    beta = Rule(
        "beta-customers",
        (
            Matcher(
                (
                    rules.Criterion(tenant, Exact("acme")),
                    rules.Criterion(FromBody("customer.tier"), Regex("beta|alpha")),
                )
            ),
            Matcher(
                (
                    rules.Criterion(tenant, Prefix("internal-"), negated=True),
                    rules.Criterion(group, Exact("g-7")),
                )
            ),
            Matcher((rules.Criterion(FromSender(), Prefix("AROAB1EXAMPLE:")),)),
        ),
        canary,
    )
    half = Rule(
        "half-of-cn",
        (Matcher((rules.Criterion(FromBody("customer.country"), Exact("CN")),)),),
        Split(order, (5000, 10_000), "orders", FromBody("customer.id"), group),
    )
    assert load(everything, "routes.yaml") == RoutingTable(
        (
            Route(
                name="orders",
                queue=QueueAddress(url, "orders.fifo", url, "eu-west-1", "123456789012"),
                versions=(stable, canary),
                stable=stable,
                wait_seconds=20,
                visibility_seconds=60,
                max_in_flight=200,
                version_from=VERSION_FROM,
                unknown_version=UnknownVersion.SPLIT,
                rules=(beta, half),
                split=Split(order, (1000, 10_000), "orders", message_id, group),
                weights=(("stable", 90), ("canary", 10)),
                fallback=Fallback(
                    frozenset({FallbackOn.UNREACHABLE, FallbackOn.NOT_FOUND}), after_receives=3
                ),
                retry=Backoff(2.0, 300.0),
                dead_letter=None,
                mirror=Mirror(
                    canary,
                    Split(order, (500, 10_000), "orders:mirror", message_id, group),
                    max_in_flight=20,
                    timeout_seconds=5.0,
                ),
                plan=Plan("canary", canary.url, "v2", rollback=Rollback(0.1)),
            ),
        ),
        sha256(everything).hexdigest(),
    )


def test_the_smallest_file_becomes_exactly_this() -> None:
    stable = Version("stable", "stable", "http://b.shop:8080/events", 30.0, 200)
    canary = Version("canary", "canary", "http://b1.shop:8080/events", 30.0, 100)
    message_id = FromMessageId()
    assert load(SMALLEST, "routes.yaml") == RoutingTable(
        (
            Route(
                name="orders",
                queue=QueueAddress("orders", "orders"),
                versions=(stable, canary),
                stable=stable,
                wait_seconds=20,
                visibility_seconds=None,
                max_in_flight=200,
                version_from=VERSION_FROM,
                unknown_version=UnknownVersion.SPLIT,
                rules=(),
                split=Split((canary, stable), (1000, 10_000), "orders", message_id, message_id),
                weights=(("stable", 90), ("canary", 10)),
                fallback=Fallback(),
                retry=Backoff(2.0, 300.0),
                dead_letter=None,
            ),
        ),
        sha256(SMALLEST).hexdigest(),
    )


def test_a_mirror_has_a_seed_of_its_own_and_the_sticky_key_of_its_route() -> None:
    assert route_of().mirror is None
    found = route_of("seed: shop\nsticky: attribute:customer\nmirror: {to: canary, percent: 0.29}")
    mirror = found.mirror
    assert mirror is not None
    assert (mirror.to.name, mirror.max_in_flight, mirror.timeout_seconds) == ("canary", 20, 5.0)
    assert (mirror.split.seed, mirror.split.sticky) == ("shop:mirror", FromAttribute("customer"))
    assert mirror.split.edges == (29, 10_000)
    fifo = route_of("mirror: {to: canary, percent: 5}", queue="orders.fifo").mirror
    assert fifo is not None
    assert fifo.split.sticky == FromGroup()


@pytest.mark.parametrize(
    ("percent", "buckets"), [("0", 0), ("0.01", 1), ("0.5", 50), ("1.1", 110), ("100.0", 10_000)]
)
def test_percent_are_buckets(percent: str, buckets: int) -> None:
    mirror = route_of(f"mirror: {{to: canary, percent: {percent}}}").mirror
    assert mirror is not None
    assert mirror.split.edges[0] == buckets


def test_linger_becomes_seconds_and_each_key_keeps_its_default() -> None:
    assert route_of().linger == Linger(0.04, 0.005)
    assert route_of("linger: {delete: 1s}").linger == Linger(1.0, 0.005)
    assert route_of("linger: {receive: 250ms}\nvisibility: 1s").linger == Linger(0.04, 0.25)


def test_a_version_has_its_size_of_a_head_and_its_header_of_attributes() -> None:
    stated = "{stable: {url: http://b/, max_header_bytes: 4096, attributes_header: json}}"
    stable = route_of(versions=stated).stable
    assert (stable.max_header_bytes, stable.attributes_json) == (4096, True)
    stable = route_of().stable
    assert (stable.max_header_bytes, stable.attributes_json) == (8192, False)


def test_a_version_header_takes_the_place_of_version_in_the_default_sources() -> None:
    found = route_of("version_header: X-Shop-Version")
    assert found.version_header == "X-Shop-Version"
    name = "X-Shop-Version"
    assert found.version_from == (FromAttribute(name), FromBaggage(name), FromSession(name))
    found = route_of('version_header: release\nversion_from: ["attribute:version"]')
    assert found.version_from == (FromAttribute("version"),)
    assert route_of().version_header == "version"


def test_a_version_may_be_named_by_the_sender_and_in_the_body() -> None:
    found = route_of('version_from: ["sender:release", "body:detail.version"]')
    assert found.version_from == (
        FromSession("release"), FromBodyVersion(FromBody("detail.version")),
    )  # fmt: skip


def test_a_route_may_unwrap_and_say_what_it_delivers() -> None:
    assert (route_of().unwrap, route_of().deliver) == (Unwrap.NONE, Deliver.BODY)
    assert route_of("unwrap: none\ndeliver: body").unwrap is Unwrap.NONE
    assert route_of("unwrap: sns").deliver is Deliver.BODY
    found = route_of("unwrap: sns\ndeliver: message")
    assert (found.unwrap, found.deliver) == (Unwrap.SNS, Deliver.MESSAGE)


def test_a_rule_may_ask_who_sent_the_message_and_who_did_not() -> None:
    match = "[{sender: {exact: AIDAX}, without_sender: {regex: '.*:b1'}}]"
    (rule,) = route_of(f"rules: [{{match: {match}, to: stable}}]").rules
    assert rule.matchers == (
        Matcher(
            (
                rules.Criterion(FromSender(), Exact("AIDAX")),
                rules.Criterion(FromSender(), Regex(".*:b1"), negated=True),
            )
        ),
    )


def test_read_and_load_are_one(tmp_path: Any) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(SMALLEST)
    assert read(path) == read(str(path)) == load(SMALLEST, "anything")


def test_without_a_split_the_weights_read_as_all_to_stable() -> None:
    route = route_of("stable: canary")
    assert route.split is None
    assert route.weights == (("stable", 0), ("canary", 1))


def test_stable_may_be_any_version_and_is_last_in_a_splits_order() -> None:
    route = route_of(
        "stable: green\nsplit: {green: 50, red: 25}",
        versions="{blue: http://a/, green: http://b/, red: http://c/}",
    )
    assert route.stable is route.versions[1]
    assert route.split
    assert [version.name for version in route.split.versions] == ["blue", "red", "green"]
    assert route.split.edges == (0, 3333, 10_000)
    assert route.weights == (("blue", 0), ("green", 50), ("red", 25))
    assert [version.max_in_flight for version in route.versions] == [100, 200, 100]


def test_a_version_that_is_not_stable_gets_half_but_at_least_one() -> None:
    route = route_of("max_in_flight: 1")
    assert [version.max_in_flight for version in route.versions] == [1, 1]


def test_a_versions_own_limit_is_kept_as_written_even_above_the_routes() -> None:
    """The route's permits hold as well, so nothing has to be cut here."""
    route = route_of("max_in_flight: 10", versions="{stable: {url: http://b/, max_in_flight: 50}}")
    assert route.stable.max_in_flight == 50


def test_a_rules_split_has_the_routes_sticky_key_and_seed_unless_it_says_otherwise() -> None:
    match = "match: [{group: {exact: g}}], split: {stable: 1, canary: 1}"
    route = route_of(
        f"sticky: attribute:Customer\nseed: shop\nrules: [{{{match}}}, {{{match}, sticky: group}}]"
    )
    first, second = (rule.to for rule in route.rules)
    assert isinstance(first, Split)
    assert isinstance(second, Split)
    assert (first.sticky, first.seed) == (FromAttribute("Customer"), "shop")
    assert (second.sticky, second.seed) == (FromGroup(), "shop")
    assert [rule.name for rule in route.rules] == ["rule-1", "rule-2"]


def test_on_a_fifo_queue_splits_go_by_group_and_fallback_is_off() -> None:
    route = route_of("split: {stable: 1, canary: 1}", queue="orders.fifo")
    assert route.split
    assert route.split.sticky == route.split.otherwise == FromGroup()
    assert route.fallback is None


@pytest.mark.parametrize(
    ("stated", "queue", "fallback"),
    [
        ("off", "orders", None),
        ("false", "orders", None),
        ('"off"', "orders", None),
        ("{}", "orders.fifo", Fallback()),
        ("{on: []}", "orders", Fallback(frozenset(), 3)),
        ("{after_receives: null}", "orders", replace(Fallback(), after_receives=None)),
        ("{after_receives: 0}", "orders", replace(Fallback(), after_receives=0)),
        (
            "{on: [timeout, error, unavailable]}",
            "orders.fifo",
            Fallback(frozenset({FallbackOn.TIMEOUT, FallbackOn.ERROR, FallbackOn.UNAVAILABLE})),
        ),
    ],
)
def test_fallback_is_as_written(stated: str, queue: str, fallback: Fallback | None) -> None:
    assert route_of(f"fallback: {stated}", queue=queue).fallback == fallback


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [("0", 0), ("500ms", 1), ("19.1", 20), ("20s", 20), ("0.25m", 15), ("1", 1), ("0s", 0)],
)
def test_the_wait_is_rounded_up_to_whole_seconds(wait: str, seconds: int) -> None:
    route = route_of(f"wait: {wait}")
    assert route.wait_seconds == seconds
    assert type(route.wait_seconds) is int


@pytest.mark.parametrize(
    ("visibility", "seconds"), [("1s", 1), ("1500ms", 2), ("12h", 43_200), ("90.5", 91)]
)
def test_the_visibility_is_rounded_up_to_whole_seconds(visibility: str, seconds: int) -> None:
    assert route_of(f"visibility: {visibility}").visibility_seconds == seconds


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ("500ms", 0.5),
        ("20s", 20),
        ("5m", 300),
        ("11h", 39_600),
        ("0.5", 0.5),
        ("1e1", 10),
        ("3", 3),
    ],
)
def test_a_timeout_is_kept_to_the_fraction(timeout: str, seconds: float) -> None:
    route = route_of(versions=f"{{stable: {{url: http://b/, timeout: {timeout}}}}}")
    assert route.stable.timeout_seconds == seconds


@pytest.mark.parametrize(
    ("lifetime", "seconds"), [("", 20.0), (", connection_lifetime: 90s", 90.0)]
)
def test_a_connection_lives_20_seconds_or_as_the_version_says(
    lifetime: str, seconds: float
) -> None:
    made = route_of(versions=f"{{stable: {{url: http://b.shop/{lifetime}}}}}")
    assert made.stable.connection_lifetime_seconds == seconds


@pytest.mark.parametrize(
    ("stated", "text"),
    [("acme", "acme"), ('""', ""), ("7", "7"), ("-3", "-3"), ("true", "true"), ("'01'", "01")],
)
def test_exact_takes_texts_whole_numbers_and_booleans(stated: str, text: str) -> None:
    (test,) = conditions_of(f"[{{body: {{a: {{exact: {stated}}}}}}}]")
    assert test.condition == Exact(text)


def test_each_kind_of_test_reads_from_its_own_source() -> None:
    one = "{present: true}"
    tests = conditions_of(
        f"[{{body: {{a: {one}}}, group: {one}, baggage: {{b: {one}}}, "
        f"without_attributes: {{c: {one}}}, attributes: {{d: {one}}}}}]"
    )
    assert tests == [
        rules.Criterion(FromAttribute("d"), Present()),
        rules.Criterion(FromAttribute("c"), Present(), negated=True),
        rules.Criterion(FromBaggage("b"), Present()),
        rules.Criterion(FromGroup(), Present()),
        rules.Criterion(FromBody("a"), Present()),
    ]


def test_old_jmespath_literals_and_functions_are_understood() -> None:
    (first, second) = conditions_of(
        "[{body: {'items[?kind==`x`] | [0].id': {exact: 1}}}, {body: {length(items): {exact: 2}}}]"
    )
    assert first.source == FromBody("items[?kind==`x`] | [0].id")
    assert second.source == FromBody("length(items)")


@pytest.mark.parametrize("path", ["items[0:2]", "items[*].{a: b}", "@", "max_by(items, &size).id"])
def test_every_form_of_jmespath_is_taken(path: str) -> None:
    (test,) = conditions_of(f"[{{body: {{'{path}': {{exact: x}}}}}}]")
    assert test.source == FromBody(path)


@pytest.mark.parametrize(
    ("queue", "region", "expected"),
    [
        ("orders", "eu-west-1", QueueAddress("orders", "orders", region="eu-west-1")),
        ("orders", "elasticmq", QueueAddress("orders", "orders", region="elasticmq")),
        (
            "http://127.0.0.1:4566/000000000000/orders",
            "us-gov-west-1",
            QueueAddress(
                "http://127.0.0.1:4566/000000000000/orders",
                "orders",
                "http://127.0.0.1:4566/000000000000/orders",
                "us-gov-west-1",
                "000000000000",
                "http://127.0.0.1:4566",
            ),
        ),
    ],
)
def test_region_completes_the_queue(queue: str, region: str, expected: QueueAddress) -> None:
    assert route_of(f"region: {region}", queue=queue).queue == expected


def test_a_dead_letter_queue_given_by_name_is_in_the_queues_region() -> None:
    route = route_of("reject: dead", queue="arn:aws:sqs:eu-west-1:123456789012:orders")
    assert route.dead_letter == QueueAddress("dead", "dead", region="eu-west-1")


def test_a_dead_letter_queue_may_be_in_a_region_of_its_own() -> None:
    arn = "arn:aws:sqs:eu-west-2:123456789012:dead"
    dead_letter = route_of(f"reject: {arn}\nregion: eu-west-1").dead_letter
    assert dead_letter == QueueAddress(arn, "dead", region="eu-west-2", account="123456789012")


@pytest.mark.parametrize(
    "url",
    [
        "http://b",
        "https://b.shop.svc.cluster.local:8443/a/b?c=d&e=%20f",
        "http://127.0.0.1:80/",
        "'http://[::1]:8080/x'",
        "http://my_service:8080/@me",
        "http://b.shop.:80/",
    ],
)
def test_a_legal_url_is_taken_as_it_is(url: str) -> None:
    assert route_of(versions=f"{{stable: {url}}}").stable.url == url.strip("'")


LINK_LOCAL = (
    "169.254.169.254",
    "169.254.0.1:8080",
    "169.254.43518",
    "0xA9FEA9FE",
    "2852039166",
    "169.254.169.254.",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
)


@pytest.mark.parametrize("host", LINK_LOCAL)
def test_a_link_local_or_metadata_address_is_refused_unless_allowed(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = f"{{stable: 'http://{host}/latest'}}"
    with pytest.raises(ProblemsFound) as raised:
        route_of(versions=versions)
    (problem,) = raised.value.problems
    assert "is a link-local or metadata address" in str(problem)
    assert host not in str(problem)
    monkeypatch.setenv("GATEWAY_ALLOW_LINK_LOCAL", "true")
    assert route_of(versions=versions).stable.url == f"http://{host}/latest"


@pytest.mark.parametrize(
    "host", ["169.253.1.1", "[fd00::1]", "169.254.b.shop", "[::ffff:10.0.0.1]"]
)
def test_other_addresses_are_taken(host: str) -> None:
    assert route_of(versions=f"{{stable: 'http://{host}/'}}").stable.url == f"http://{host}/"


def test_header_values_keep_inner_spaces_and_may_be_empty() -> None:
    headers = '{X-Team: "shop team", x-empty: "", x-number: "7"}'
    route = route_of(versions=f"{{stable: {{url: http://b/, headers: {headers}}}}}")
    assert route.stable.headers == (("X-Team", "shop team"), ("x-empty", ""), ("x-number", "7"))


def test_the_same_queue_name_in_two_regions_is_two_queues() -> None:
    text = "".join(
        f"- {{name: {name}, queue: orders, region: {region}, versions: {{s: http://b/}}}}\n"
        for name, region in (("a", "eu-west-1"), ("b", "eu-west-2"))
    )
    assert len(load(f"routes:\n{text}".encode(), "routes.yaml").routes) == 2
