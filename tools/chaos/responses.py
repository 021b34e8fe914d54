"""What a service may do with a delivery, and how often it does so in each mood."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random


class Act(Enum):
    """One way to respond."""

    PROMPT = "prompt"
    LATE = "late"
    NEVER = "never"
    HALF = "half an response"
    GARBAGE = "garbage"
    RESET_BEFORE = "reset before reading"
    RESET_AFTER = "reset after reading"
    BUSY = "busy, with Retry-After"
    ERROR = "500"
    NOT_FOUND = "404"
    REJECT = "400"


@dataclass(frozen=True, slots=True)
class Mood:
    """How often a service acts in which way."""

    name: str
    weights: Mapping[Act, float]

    def act(self, random: Random) -> Act:
        """Choose."""
        return random.choices(list(self.weights), list(self.weights.values()))[0]


WELL: Final = Mood("well", {Act.PROMPT: 95, Act.LATE: 5})
UNEVEN: Final = Mood(
    "uneven",
    {
        Act.PROMPT: 62,
        Act.LATE: 9,
        Act.NEVER: 1.5,
        Act.HALF: 3,
        Act.GARBAGE: 2.5,
        Act.RESET_BEFORE: 3,
        Act.RESET_AFTER: 4,
        Act.BUSY: 4,
        Act.ERROR: 5,
        Act.NOT_FOUND: 3,
        Act.REJECT: 3,
    },
)
FAILING: Final = Mood("failing", {Act.PROMPT: 20, Act.ERROR: 50, Act.BUSY: 20, Act.RESET_AFTER: 10})
SLOW: Final = Mood("slow", {Act.LATE: 80, Act.NEVER: 20})
MOODS: Final = (WELL, UNEVEN, UNEVEN, UNEVEN, UNEVEN, FAILING, SLOW)

LATE_SECONDS: Final = (0.05, 1.2)
_ACKS: Final = (
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 202 Accepted\r\ncontent-length: 4\r\n\r\ndone",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n",
)
ACK_AND_CLOSE: Final = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
HALVES: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthe beginning of",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndone\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-le",
    b"HTTP/1.1 204",
)
GARBAGE: Final = (
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"HTTP/1.1 twohundred OK\r\n\r\n",
    b"<html>200 OK</html>\r\n\r\n",
)


def ack(random: Random) -> bytes:
    """Return a complete 2xx."""
    return random.choice(_ACKS)


def status(code: int, fields: str = "") -> bytes:
    """Return a response without a body."""
    return f"HTTP/1.1 {code} X\r\n{fields}content-length: 0\r\n\r\n".encode()


def refusal(act: Act, random: Random) -> bytes:
    """Return the response for an act that is a status other than 2xx."""
    match act:
        case Act.BUSY:
            return status(random.choice((429, 503)), f"retry-after: {random.randint(1, 2)}\r\n")
        case Act.ERROR:
            return status(random.choice((500, 502, 504)))
        case Act.NOT_FOUND:
            return status(404)
        case Act.REJECT:
            return status(random.choice((400, 403, 422)))
        case _:
            raise ValueError(f"{act} is not a refusal")
