"""What the attributes of a queue say: its redrive policy, and which queue it is.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.core.addresses import is_aws_host
from gateway.ports import Redrive

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTRIBUTES: Final = ("VisibilityTimeout", "RedrivePolicy", "QueueArn")
_ARN_PARTS: Final = 6


def parse_redrive(attributes: Mapping[str, Any]) -> Redrive | None:
    """Return the redrive policy; None where there is none, or none that can be read."""
    try:
        policy = json.loads(attributes.get("RedrivePolicy") or "null")
        queue = policy["deadLetterTargetArn"].rpartition(":")[2]
        return Redrive(queue, int(policy["maxReceiveCount"]))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None


def account_of(arn: Any) -> str:
    """Return the account of an ARN; empty for what is none."""
    parts = str(arn or "").split(":")
    return parts[4] if len(parts) == _ARN_PARTS else ""


def identity(endpoint: str, region: str, url: str, account: str = "") -> str:
    """Return what all addresses of a queue share. `account` wins over the one in the URL.

    All endpoints of AWS are one place; an emulator is a place of its own.
    """
    *_, path_account, name = ("", *urlsplit(url).path.split("/"))
    parts = urlsplit(endpoint)
    place = "aws" if is_aws_host(parts.hostname or "") else f"{parts.scheme}://{parts.netloc}"
    return f"{place} {region} {account or path_account} {name}"
