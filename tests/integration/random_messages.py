"""Messages by chance, from a seed: everything that a decision may look at, in many shapes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.integration.queues import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

ROUTE: dict[str, Any] = {
    "version_from": ["attribute:version", "attribute:x-pin", "baggage:version"],
    "sticky": "body:customer.id",
    "split": {"stable": 70, "canary": 20, "third": 10},
    "rules": [
        {
            "name": "beta",
            "match": [
                {
                    "attributes": {"Tenant": {"exact": "acme"}},
                    "body": {"customer.tier": {"regex": "beta|alpha"}},
                },
                {"without_attributes": {"tenant": {"present": True}}, "group": {"prefix": "g-1"}},
            ],
            "to": "canary",
        },
        {
            "match": [
                {"body": {"customer.country": {"exact": "CN"}}},
                {"baggage": {"team": {"regex": "ca.+"}}},
                {"body": {"items[0].n": {"exact": 3}}},
            ],
            "split": {"stable": 1, "third": 1, "canary": 1},
            "sticky": "attribute:tenant",
        },
    ],
}
"""What a route has to say for all those shapes to matter; its versions are for the test to add."""

_PINS = ["v1", "v2", "v3", "third", "v9", "V2", "", " v2", "v2,v1", "%76%32", "vé2"]
_TENANTS = ["acme", "ACME", "internal-7", "", "ünï", "a b"]
_BAGGAGES = [
    "version=v2",
    "team=canada, version=%76%33",
    "a=b",
    "version=;x",
    "team=ca,team=cb",
    ",,",
]
_BODIES = [
    "not JSON",
    "{",
    "[]",
    "null",
    "3",
    '"version"',
    '{"customer": null}',
    '{"customer": {"id": 1e3, "tier": "beta"}}',
    '{"customer": {"id": 1.50}, "items": [{"n": 3.0}]}',
    '{"customer": {"id": true, "country": "CN"}}',
    '{"customer": {"id": 123456789012345678901, "country": "cn"}}',
    '{"customer": {"id": {"nested": 1}}, "items": [{"n": "3"}]}',
    '{"customer": {"tier": "beta", "tier": "none"}}',
    '{"customer": {"id": NaN}}',
]


def random_draft(random: Random, *, group: str | None = None) -> Draft:
    """Return a message; SQS refuses empty values, so none is empty."""
    attributes: dict[str, str | int | bytes] = {}
    chances: list[tuple[str, Sequence[str | int | bytes], float]] = [
        ("version", _PINS, 0.3),
        ("X-Pin", _PINS, 0.1),
        ("tenant", _TENANTS, 0.5),
        ("TENANT", _TENANTS, 0.1),
        ("baggage", _BAGGAGES, 0.3),
        ("Weight", [1, 7, -3], 0.2),
        ("raw", [b"\0\xff", b"v2"], 0.1),
    ]
    for name, values, share in chances:
        if random.random() < share and (value := random.choice(values)) != "":
            attributes[name] = value
    return Draft(_body(random), attributes, group)


def _body(random: Random) -> str:
    if random.random() < 0.4:
        return random.choice(_BODIES)
    customer = {
        "id": random.choice([f"c-{random.randrange(50)}", random.randrange(50), None, "ü"]),
        "tier": random.choice(["beta", "alpha", "betax", "gold", 7]),
        "country": random.choice(["CN", "DE", ["CN"]]),
    }
    return json.dumps({"customer": customer, "items": [{"n": random.randrange(6)}]})
