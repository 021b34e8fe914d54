"""The decision once more, written from docs/reference/decisions.md alone.

It imports nothing of the gateway, so that the two can disagree. `decisions.jsonl` has a case a
line: what it is about, the route, the message as ReceiveMessage returns it, and the decision.
To add a case, add a line without the decision and run

    python tests/golden/decisions/regenerate.py            # writes the decisions
    python tests/golden/decisions/regenerate.py --check    # says whether they are up to date
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

HERE = Path(__file__).parent
TABLE = HERE / "decisions.jsonl"
Reading = str | None


def main() -> int:
    """Write the table, or compare it with what it should be."""
    routes = {
        route["name"]: route
        for route in yaml.safe_load((HERE / "routes.yaml").read_text())["routes"]
    }
    before = TABLE.read_text()
    cases = [json.loads(line) for line in before.splitlines()]
    for case in cases:
        case["decision"] = decision(case["message"], routes[case["route"]])
    after = "".join(json.dumps(case) + "\n" for case in cases)
    if "--check" in sys.argv:
        print("up to date" if after == before else "out of date")
        return int(after != before)
    TABLE.write_text(after)
    return 0


def decision(message: dict[str, Any], route: dict[str, Any]) -> dict[str, Any]:
    """Return what `gateway explain` must print."""
    version, reason, rule, bucket = verdict(opened(message, route), route)
    return {
        "message_id": message["MessageId"],
        "route": route["name"],
        "version": version,
        "tag": None if version is None else tag_of(route, version),
        "reason": reason,
        "rule": rule,
        "bucket": bucket,
    }


def opened(message: dict[str, Any], route: dict[str, Any]) -> dict[str, Any]:
    """Return the message as `unwrap` of the route has it read."""
    try:
        outer = json.loads(message["Body"])
    except ValueError:
        return message
    if route.get("unwrap") != "sns" or not isinstance(outer, dict):
        return message
    parts = [outer.get(key) for key in ("TopicArn", "MessageId", "Message")]
    if outer.get("Type") != "Notification" or not all(isinstance(part, str) for part in parts):
        return message
    own = message.get("MessageAttributes", {})
    taken = [name.lower() for name in own]
    published = outer.get("MessageAttributes")
    inside = {
        name: {"DataType": each["Type"], "StringValue": each["Value"]}
        for name, each in (published if isinstance(published, dict) else {}).items()
        if isinstance(each, dict)
        and each.get("Type") in ("String", "String.Array", "Number", "Binary")
        and isinstance(each.get("Value"), str)
        and name.lower() not in taken
    }
    return {**message, "Body": outer["Message"], "MessageAttributes": {**inside, **own}}


Verdict = tuple[Reading, str, Reading, int | None]  # version, reason, rule, bucket


def verdict(message: dict[str, Any], route: dict[str, Any]) -> Verdict:
    """Steps 1 to 4: pinned, rule, split, default."""
    named = first_present(message, route)
    early = None if named is None else by_name(named, route)
    if early is not None:
        return early
    for number, rule in enumerate(route.get("rules", []), 1):
        if any(holds(entry, message) for entry in rule["match"]):
            return by_rule(rule, rule.get("name", f"rule-{number}"), message, route)
    if "split" in route:
        version, bucket = chosen(route["split"], None, message, route)
        return version, "split", None, bucket
    return stable_of(route), "default", None, None


def by_name(named: str, route: dict[str, Any]) -> Verdict | None:
    """Step 1; None goes on to step 2."""
    for version in route["versions"]:
        if named in (version, tag_of(route, version)):
            return version, "pinned", None, None
    unknown = {"stable": stable_of(route), "retry": None}
    mode = route.get("unknown_version", "split")
    return (unknown[mode], "unknown_version", None, None) if mode in unknown else None


def by_rule(
    rule: dict[str, Any], name: str, message: dict[str, Any], route: dict[str, Any]
) -> Verdict:
    """Step 2, for the rule that matched."""
    if "to" in rule:
        return rule["to"], "rule", name, None
    version, bucket = chosen(rule["split"], rule.get("sticky"), message, route)
    return version, "rule", name, bucket


def tag_of(route: dict[str, Any], version: str) -> str:
    stated = route["versions"][version]
    return str(stated.get("tag", version)) if isinstance(stated, dict) else version


def stable_of(route: dict[str, Any]) -> str:
    return str(route.get("stable", next(iter(route["versions"]))))


def first_present(message: dict[str, Any], route: dict[str, Any]) -> Reading:
    usual = ["attribute:version", "baggage:version", "sender:version"]
    for source in route.get("version_from", usual):
        kind, _, name = source.partition(":")
        found = in_session(message, name) if kind == "sender" else read(source, message)
        if kind == "body" and found == "0" and of_eventbridge(message, name):
            found = None
        if found is not None:
            return found
    return None


def chosen(
    weights: dict[str, int], sticky: Reading, message: dict[str, Any], route: dict[str, Any]
) -> tuple[str, int]:
    """Return the version and the bucket of a split."""
    usual = "group" if route["queue"].endswith(".fifo") else "message"
    key = read(sticky or route.get("sticky", usual), message)
    if key is None:
        key = read(usual, message)
    if key is None:
        key = message["MessageId"]
    hashed = hashlib.blake2b(digest_size=8)
    for part in (route.get("seed", route["name"]), "\x00", key):
        hashed.update(part.encode())
    bucket = int(hashed.hexdigest(), 16) % 10_000
    order = [name for name in route["versions"] if name != stable_of(route)] + [stable_of(route)]
    upper = Fraction(0)
    for name in order:
        upper += Fraction(weights.get(name, 0), sum(weights.values()))
        if bucket < math.floor(upper * 10_000 + Fraction(1, 2)):
            return name, bucket
    raise AssertionError("the last edge is 10,000")


def in_session(message: dict[str, Any], name: str) -> Reading:
    """Return a member of the session's name; the first of a name counts, an empty one is none."""
    _, _, session = sender(message).partition(":")
    pairs = [each.split("=", 1) for each in session.split(",") if "=" in each]
    return next((value for key, value in pairs if key == name), "") or None


def sender(message: dict[str, Any]) -> str:
    return str(message.get("Attributes", {}).get("SenderId", ""))


def of_eventbridge(message: dict[str, Any], path: str) -> bool:
    event = json.loads(message["Body"])
    return path == "version" and {"detail-type", "source", "detail"} <= set(event)


def holds(entry: dict[str, Any], message: dict[str, Any]) -> bool:
    """All conditions of one entry of a match."""
    wanted = [(f"attribute:{name}", test) for name, test in entry.get("attributes", {}).items()]
    wanted += [(f"baggage:{name}", test) for name, test in entry.get("baggage", {}).items()]
    wanted += [(f"body:{path}", test) for path, test in entry.get("body", {}).items()]
    wanted += [("group", entry["group"])] if "group" in entry else []
    wanted += [("sender", entry["sender"])] if "sender" in entry else []
    without = entry.get("without_attributes", {})
    unwanted = [(f"attribute:{name}", test) for name, test in without.items()]
    unwanted += [("sender", entry["without_sender"])] if "without_sender" in entry else []
    return all(passes(read(source, message), test) for source, test in wanted) and not any(
        passes(read(source, message), test) for source, test in unwanted
    )


def passes(value: Reading, test: dict[str, str]) -> bool:
    if value is None:
        return False
    ((kind, wanted),) = test.items()
    if kind == "exact":
        return value == wanted
    if kind == "prefix":
        return value[: len(wanted)] == wanted
    return kind == "present" or re.fullmatch(wanted, value) is not None


def read(source: str, message: dict[str, Any]) -> Reading:
    """Return the text that `message`, `group`, `attribute:NAME`, ... stands for."""
    kind, _, name = source.partition(":")
    if kind == "message":
        return str(message["MessageId"])
    if kind == "group":
        group: Reading = message.get("Attributes", {}).get("MessageGroupId")
        return group
    if kind == "attribute":
        return attribute(message, name)
    if kind == "baggage":
        carrier = attribute(message, "baggage")
        return member(carrier or attribute(message, "otel.baggage") or "", name)
    if kind == "sender":
        return sender(message) or None
    return in_body(message["Body"], name)


def attribute(message: dict[str, Any], name: str) -> Reading:
    attributes = message.get("MessageAttributes", {})
    alike = sorted(each for each in attributes if each.lower() == name.lower())
    if not alike:
        return None
    found = attributes[alike[0]]
    return str(found.get("StringValue", found.get("BinaryValue")))


def member(baggage: str, name: str) -> Reading:
    for each in baggage.split(","):
        key, equals, value = each.split(";")[0].partition("=")
        if equals and key.strip().lower() == name.lower():
            return unquote(value.strip())
    return None


def in_body(body: str, path: str) -> Reading:
    """Walk a path of plain keys, all that the cases use of JMESPath."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


if __name__ == "__main__":
    sys.exit(main())
