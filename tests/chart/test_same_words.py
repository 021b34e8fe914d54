"""What does not fit together is refused by `helm template` in the words of `gateway check`."""

from __future__ import annotations

import io
import json
import random
import re
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.cli.main import main
from tests.chart.rendering import GATEWAY_CHART, ROOT, refusal, render

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GOLDEN: Final = ROOT / "tests" / "golden" / "routing_files"
SAID_BY_BOTH: Final = (
    "empty_matches",
    "follow_problems",
    "limit_order",
    "mirror_problems",
    "no_routes",
    "queue_circles",
    "retry_order",
    "rollback_problems",
    "rollout_problems",
    "rule_destinations",
    "rule_names",
    "same_names",
    "same_queue",
    "same_tags",
    "split_without_a_first_stable",
    "split_without_stable",
    "unknown_versions",
)
"""Of the rest Helm says that it is no YAML, or its schema that a value has the wrong shape."""

SMALL: Final[dict[str, Any]] = {"name": "r", "queue": "q", "versions": {"stable": "http://b.shop/"}}
TWO: Final = {"stable": "http://b.shop/", "canary": "http://b1.shop/"}
GROUP: Final = [{"group": {"exact": "g"}}]


def of_gateway(file: Path) -> list[str]:
    """Return what `gateway check` says of the file, but for the file's name and the lines."""
    said, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(errors):
        status = main(["check", "--config", str(file)])
    assert status == 2, errors.getvalue()
    lines = [line for line in said.getvalue().splitlines() if line]
    return sorted(re.sub(rf"^{re.escape(str(file))}:\d+: ", "", each) for each in lines)


def of_helm(file: Path) -> list[str]:
    """Return the problems that helm tells of the file as values; fails if it tells of none."""
    told = refusal(GATEWAY_CHART, file)
    found = re.search(
        r"execution error at .*?\n\n(.*?)\n(\d+) problems?$", told, re.MULTILINE | re.DOTALL
    )
    assert found, told
    problems = found[1].splitlines()
    assert len(problems) == int(found[2])
    return sorted(problems)


def written(folder: Path, routes: Iterable[dict[str, Any]]) -> Path:
    path = folder / "routes.yaml"
    # JSON: Helm takes words such as y and no, which have no quotes in YAML, for booleans.
    path.write_text(json.dumps({"routes": list(routes)}, ensure_ascii=False))
    return path


@pytest.mark.parametrize("name", SAID_BY_BOTH)
def test_a_broken_routing_file_is_refused_in_the_same_words(name: str) -> None:
    """The very files that the gateway's own words are held to."""
    file = GOLDEN / f"{name}.yaml"
    assert of_helm(file) == of_gateway(file)


def test_routes_with_kafka_are_refused_in_the_same_words(tmp_path: Path) -> None:
    """All but the first of the file, of which the schema says that it has one source too many."""
    whole = yaml.safe_load((GOLDEN / "kafka_problems.yaml").read_text())
    file = written(tmp_path, whole["routes"][1:])
    expected = of_gateway(file)
    assert len(expected) > 20
    assert of_helm(file) == expected


CASES: Final[dict[str, dict[str, Any]]] = {
    "weights of 0": {"versions": TWO, "split": {"stable": 0, "canary": 0}},
    "a weight for nobody": {"versions": TWO, "split": {"stable": 90, "cannary": 10}},
    "a weight for a URL": {"versions": TWO, "split": {"stable": 9, "https://user:pw@b1/x": 1}},
    "a weight for ever": {"versions": TWO, "split": {"stable": 9, "canary" * 20: 1}},
    "a weight in Greek": {"versions": TWO, "split": {"stable": 9, "κανάρι": 1}},
    "a weight beyond 100": {"versions": TWO, "split": {"canary": 250}},
    "a queue that is none": {"queue": "orders queue", "reject": "dead letters"},
    "a queue that is too long": {"queue": "q" * 76 + ".fifo"},
    "a region that contradicts": {
        "queue": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
        "region": "us-east-1",
        "reject": "arn:aws:sqs:eu-west-1:123456789012:q",
    },
    "a legacy URL and its ARN": {
        "queue": "https://us-east-2.queue.amazonaws.com/123456789012/q",
        "reject": "arn:aws:sqs:us-east-2:123456789012:q",
    },
    "the oldest URL": {
        "queue": "https://queue.amazonaws.com/123456789012/q",
        "region": "eu-west-1",
    },
    "its own dead-letter queue": {"queue": "mine", "reject": "mine"},
    "waits too long": {"wait": "21s", "visibility": "13h"},
    "leased for no time": {"visibility": "500ms"},
    "times out at once": {"versions": {"stable": {"url": "http://b/", "timeout": "0s"}}},
    "times out never": {"versions": {"stable": {"url": "http://b/", "timeout": "11.5h"}}},
    "retries beyond SQS": {"retry": {"min": "0ms", "max": "721m"}},
    "retries backwards": {"retry": {"min": "1500ms", "max": 1}},
    "one header twice": {
        "versions": {"stable": {"url": "http://b/", "headers": {"X-Team": "a", "x-team": "b"}}}
    },
    "TLS without https": {"versions": {"stable": {"url": "http://b/", "tls": {}}}},
    "a condition too many": {
        "versions": TWO,
        "rules": [
            {"match": [{"attributes": {"a b": {"exact": "x", "regex": "z"}}}], "to": "canary"},
            {"match": [{"body": {"customer.tier": {}}}, {"group": {}}], "to": "canary"},
        ],
    },
    "a sender without a condition": {
        "versions": TWO,
        "rules": [
            {"match": [{"sender": {}, "without_sender": {}}], "to": "canary"},
            {"match": [{"sender": {"exact": "a", "prefix": "b"}}], "to": "canary"},
        ],
    },
    "delivers what nothing unwraps": {"deliver": "message"},
    "both and none": {
        "versions": {"stable": {"url": "http://b/", "queue": "b"}, "canary": {"tag": "v2"}}
    },
    "keys of the other kind": {
        "versions": {
            "stable": {"queue": "b", "headers": {}, "client": "httpx", "max_header_bytes": 4096},
            "canary": {"url": "http://b/", "max_depth": 5},
        }
    },
    "version queues that do not fit": {
        "queue": "https://sqs.eu-west-1.amazonaws.com/123456789012/mixed",
        "reject": "mixed-dead",
        "versions": {
            "stable": {"queue": "mixed"},
            "arn": {"queue": "arn:aws:sqs:eu-west-1:123456789012:mixed"},
            "dead": {"queue": "arn:aws:sqs:eu-west-1:123456789012:mixed-dead"},
            "fifo": {"queue": "m.fifo"},
            "none": {"queue": "arn:aws:sns:eu-west-1:123456789012:t"},
            "other": {"queue": "arn:aws:sqs:us-east-1:123456789012:mixed"},
        },
    },
    "a FIFO route with a standard version": {
        "queue": "lists.fifo",
        "versions": {"stable": {"queue": "l.fifo"}, "canary": {"queue": "l"}},
    },
    "steps that last too long": {
        "versions": TWO,
        "rollout": {
            "steps": [1, {"weight": 5, "every": "721h"}],
            "every": "800h",
            "deadline": "31000m",
            "max_p99": "61m",
        },
    },
    "a step without end": {"versions": TWO, "rollout": {"deadline": "0s", "every": "0s"}},
    "a rollback of no time": {
        "versions": TWO,
        "split": {"stable": 9, "canary": 1},
        "rollback": {"window": "500ms", "cooldown": "25h"},
    },
    "a rollback of nobody": {
        "versions": TWO,
        "split": {"stable": 9, "canary": 1},
        "rollback": {"canary": "canry"},
    },
    "a rule without a match": {"versions": TWO, "rules": [{"match": [], "to": "canary"}]},
    "a rule's weights": {
        "versions": TWO,
        "rules": [
            {"match": GROUP, "split": {"canary": 3}},
            {"match": GROUP, "split": {"stable": 0}},
            {"match": GROUP, "split": {"stable": 1, "Canary": 1}},
        ],
    },
}


def test_every_mistake_is_reported_at_once_in_the_same_words(tmp_path: Path) -> None:
    """Each in a route of its own: one hides no other."""
    routes = [
        {**SMALL, "name": f"r-{at}", "queue": f"q-{at}", **case}
        for at, case in enumerate(CASES.values())
    ]
    file = written(tmp_path, routes)
    expected = of_gateway(file)
    assert {int(each.split("[")[1].split("]")[0]) for each in expected} == set(range(len(CASES)))
    assert of_helm(file) == expected


LINK_LOCAL: Final = (
    *("169.254.169.254", "169.254.0.1:8080", "169.254.169.254.", "169.254.43518", "169.16689662"),
    *("0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "0xA9.254.1", "025177524776"),
    *("[fe80::1]", "[FE80::1]:8080", "[febf::1]", "[fd00:ec2::254]", "[fd00:0ec2:0::0]"),
    *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[0:0:0:0:0:ffff:a9fe:1]"),
    *("[::a9fe:a9fe]", "[::169.254.1.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::169.254.1.1]"),
)
OTHER_HOSTS: Final = (
    *("b.shop", "169.254.example.com", "169.255.1.1", "168.254.1.1", "10.0.0.1", "127.0.0.1"),
    *("169.254.1.999", "169.254.1.1.1", "169.254.65536", "0xa9ffa9fe", "2852126720", "08.1"),
    *("0251.0377.1", "169.16711680", "1.2852039166", "25177524776", "0x", "99999999999999"),
    *("[fec0::1]", "[fe7f::1]", "[fd00:ec3::1]", "[2001:db8::a9fe:a9fe]", "[::1]", "[::]"),
    *("[::ffff:10.0.0.1]", "[64:ff9b:1::a9fe:1]", "[1:2:3:4:5:6:a9fe:8]", "[a9fe::]"),
)


def _urls(hosts: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            **SMALL,
            "name": f"r-{at}",
            "queue": f"q-{at}",
            "stable": "stable",
            "versions": {"stable": f"http://{host}/x", "canary": {"url": f"https://{host}"}},
        }
        for at, host in enumerate(hosts)
    ]


def test_addresses_at_which_credentials_are_served_are_refused_in_the_same_words(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, _urls((*LINK_LOCAL, *OTHER_HOSTS)))
    expected = of_gateway(file)
    assert len(expected) == 2 * len(LINK_LOCAL)
    assert of_helm(file) == expected


def test_they_are_rendered_where_the_settings_allow_them(tmp_path: Path) -> None:
    file = written(tmp_path, _urls(LINK_LOCAL))
    allowed = tmp_path / "allowed.yaml"
    allowed.write_text("{settings: {allowLinkLocal: true}, aws: {region: eu-west-1}}")
    assert render(GATEWAY_CHART, file, allowed)


HOSTS: Final = (
    "sqs.eu-west-1.amazonaws.com",
    "sqs-fips.us-east-1.amazonaws.com",
    "eu-west-1.queue.amazonaws.com",
    "queue.amazonaws.com",
    "sqs.eu-west-1.api.aws",
    "sqs.cn-north-1.amazonaws.com.cn",
    "cn-north-1.queue.amazonaws.com.cn",
    "vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com",
    "SQS.eu-west-1.amazonaws.com",
    "localhost:4566",
    "[::1]:4566",
    "sqs.example.com",
)
QUEUES: Final = (
    *(f"https://{host}/123456789012/orders" for host in HOSTS),
    *(f"http://{host}/queue/eu-west-1/123456789012/orders" for host in HOSTS),
    *(f"https://{host}/queue/orders" for host in HOSTS),
    *(f"https://{host}/123456789012/orders/" for host in HOSTS[:2]),
    *(
        f"arn:{partition}:sqs:{region}:{account}:orders"
        for partition in ("aws", "aws-cn", "aws-us-gov", "gcp")
        for region in ("eu-west-1", "cn-north-1", "us-east-1")
        for account in ("123456789012", "12")
    ),
    *("orders", "orders.fifo", "orders.FIFO", ".fifo", "a" * 80, "a" * 81, "a" * 75 + ".fifo"),
    *("https://sqs.eu-west-1.amazonaws.com/123456789012/orders\n", " orders", "ördërs", "redrive"),
)


def test_queues_are_distinguished_alike(tmp_path: Path) -> None:
    """Each in a route of its own, with and without a region, and as its own dead-letter queue."""
    regions = ("", "eu-west-1", "us-east-1")
    pairs = [(queue, region) for queue in QUEUES for region in regions]
    routes = [
        {**SMALL, "name": f"r-{at}", "queue": queue, "reject": QUEUES[at % len(QUEUES)]}
        | ({"region": region} if region else {})
        for at, (queue, region) in enumerate(pairs)
    ]
    file = written(tmp_path, routes)
    expected = of_gateway(file)
    for words in ("is the queue of", "is not a queue name", "contradicts", "the route's own queue"):
        assert sum(words in each for each in expected) > 3, words
    assert of_helm(file) == expected


NAMES: Final = ("stable", "Canary", "blue", "canary-2", "green", "next", "v1.2.3", "v10", "v2")
LETTERS: Final = "abcenrsty-.0129éAZ "


def _slips(chance: random.Random, count: int) -> list[str]:
    """Return words as fingers make them: letters lost, doubled, swapped, shifted, or all wrong."""
    words = []
    for _ in range(count):
        letters = list(chance.choice(NAMES))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(letters) + 1)
            letters[at : at + chance.randint(0, 2)] = chance.choices(
                LETTERS, k=chance.randint(0, 2)
            )
        words.append("".join(letters) or "x")
    return [word.swapcase() if chance.random() < 0.2 else word for word in words]


def test_what_was_meant_is_guessed_alike(tmp_path: Path) -> None:
    """Hundreds of slips in one file; the seed is fixed, so that a failure comes back."""
    words = [word for word in _slips(random.Random(5), 400) if word not in NAMES]
    versions = dict.fromkeys(NAMES, "http://b.shop/")
    rules = [{"match": GROUP, "to": word} for word in words]
    file = written(tmp_path, [{**SMALL, "versions": versions, "rules": rules}])
    expected = of_gateway(file)
    assert len(expected) == len(words) > 300
    assert sum("did you mean" in each for each in expected) > 100
    assert sum("there are" in each for each in expected) > 30
    assert of_helm(file) == expected


def test_which_version_is_stable_has_to_be_said_where_no_name_says_it(tmp_path: Path) -> None:
    """The first one, says the routing file; but Helm sorts the keys before a template sees them."""
    versions = {"green": "http://b.shop/", "blue": "http://b1.shop/"}
    file = written(tmp_path, [{**SMALL, "versions": versions}])
    what = "does not tell which one is stable, since Helm loses the order of keys"
    hint = "say stable: blue or stable: green"
    assert of_helm(file) == [f"routes[0].versions: {what} ({hint})"]
