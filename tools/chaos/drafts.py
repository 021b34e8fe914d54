"""What the load sends: bodies that are told apart by a number, in the form of each route."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tools.chaos import routes

if TYPE_CHECKING:
    from random import Random

    from tools.chaos.plan import Plan

_POISONED: Final = 0.01
_TAGS: Final = {"stable": routes.STABLE_TAG, "canary": routes.CANARY_TAG}
_ROLES: Final = {"stable": "AROACHAOSB:b", "canary": "AROACHAOSB1:b1"}


class Draft(NamedTuple):
    """An entry of a SendMessageBatch, by whom it is sent, and the version that it is pinned to."""

    entry: dict[str, Any]
    sender: str = ""
    version: str = ""


class Drafts:
    """Draws messages."""

    def __init__(self, plan: Plan, random: Random) -> None:
        self._plan, self._random = plan, random
        self._numbers = itertools.count()

    def draw(self, queue: str) -> Draft:
        """Return a message for the queue of a route."""
        number, random = next(self._numbers), self._random
        content: dict[str, Any] = {"number": number}
        if random.random() < _POISONED and not self._plan.calm:
            content["poison"] = True
        entry: dict[str, Any] = {"Id": str(number), "MessageBody": json.dumps(content)}
        if queue.endswith(".fifo"):
            group = f"{routes.NAMES[queue]}-{random.randrange(self._plan.groups)}"
            return Draft(entry | {"MessageGroupId": group, "MessageDeduplicationId": str(number)})
        if queue == routes.ENVELOPES:
            return self._in_an_envelope(entry)
        if queue == routes.SENDERS:
            return self._by_a_sender(entry)
        if random.random() < 0.2:
            entry["MessageAttributes"] = _attribute(random.choice(["v1", "v2", "v9"]))
        return Draft(entry)

    def _in_an_envelope(self, entry: dict[str, Any]) -> Draft:
        """Most as a notification of SNS, pinned or not; some raw."""
        version = self._pin()
        if self._random.random() < 0.2:
            attributes = {"MessageAttributes": _attribute(_TAGS[version])} if version else {}
            return Draft(entry | attributes, version=version)
        attribute = {"version": {"Type": "String", "Value": _TAGS[version]}} if version else {}
        notification = {
            "Type": "Notification",
            "MessageId": entry["Id"],
            "TopicArn": "arn:aws:sns:us-east-1:000000000000:chaos",
            "Message": entry["MessageBody"],
            "MessageAttributes": attribute,
        }
        return Draft(entry | {"MessageBody": json.dumps(notification)}, version=version)

    def _by_a_sender(self, entry: dict[str, Any]) -> Draft:
        version = self._pin()
        if not version:
            return Draft(entry)
        return Draft(entry, f"{_ROLES[version]},version={_TAGS[version]}", version)

    def _pin(self) -> str:
        return self._random.choice(["", "stable", "canary"])


def _attribute(tag: str) -> dict[str, Any]:
    return {"version": {"DataType": "String", "StringValue": tag}}
