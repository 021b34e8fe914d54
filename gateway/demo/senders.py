"""The SenderId of a request to an emulated SQS, learned from its credentials as SQS does. Pure.

An access key id that is itself an id of IAM stands for that user, or for that session of a role:
`AIDA...`, or `AROA...:SESSION`. Any other key stands for a user of its own.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

import re
from base64 import b32encode
from functools import lru_cache
from hashlib import sha256
from typing import Final

UNSIGNED: Final = "AIDAUNSIGNEDUNSIGNED1"
"""The sender of a request without a signature, which SQS would refuse."""

_ACCESS_KEY: Final = re.compile(r"\bCredential=([^/\s]+)/")
_SENDER: Final = re.compile(r"AIDA[A-Z0-9]+|AROA[A-Z0-9]+:[\w+=,.@-]{2,64}", re.ASCII)
_KEYS: Final = 1_000
_DIGITS: Final = 17


def sender_id(authorization: str) -> str:
    """Return the SenderId for an Authorization header; "" is a request without one."""
    found = _ACCESS_KEY.search(authorization)
    return _of_key(found[1]) if found else UNSIGNED


@lru_cache(maxsize=_KEYS)
def _of_key(access_key_id: str) -> str:
    if _SENDER.fullmatch(access_key_id):
        return access_key_id
    return "AIDA" + b32encode(sha256(access_key_id.encode()).digest()).decode()[:_DIGITS]
