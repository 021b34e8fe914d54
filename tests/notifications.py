"""Notifications of SNS, as they are in a queue without raw delivery."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, Final

TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:orders"
SNS_ID: Final = "95df01b4-ee98-5cb9-9903-4c221d41eb5e"


def attribute(value: str | float | bytes | list[Any]) -> dict[str, str]:
    """Make an entry of `MessageAttributes`, of the type of the value."""
    match value:
        case bytes():
            return {"Type": "Binary", "Value": b64encode(value).decode()}
        case list():
            return {"Type": "String.Array", "Value": json.dumps(value)}
        case str():
            return {"Type": "String", "Value": value}
        case _:
            return {"Type": "Number", "Value": str(value)}


def notified(
    published: str = "{}", attributes: dict[str, Any] | None = None, **changes: Any
) -> str:
    """Return the body of a notification; `changes` are keys, those of None are left out."""
    named = {name: attribute(value) for name, value in (attributes or {}).items()}
    keys: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": SNS_ID,
        "TopicArn": TOPIC,
        "Message": published,
        "Timestamp": "2026-11-29T12:00:00.000Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/cert.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        **({"MessageAttributes": named} if named else {}),
        **changes,
    }
    return json.dumps({key: value for key, value in keys.items() if value is not None})
