"""How many bytes the head of a delivery may have: request line and all headers together.

Servers limit the head as a whole: Tomcat, Jetty and Sanic to 8 KiB, uWSGI to 4 KiB.
"""

from __future__ import annotations

from typing import Final

DEFAULT_MAX_HEADER_BYTES: Final = 8 * 1024

SIDECAR_BYTES: Final = 1024
"""What is left for the headers that a sidecar or proxy adds on the way."""

LEAST_ROOM: Final = 768
"""What the headers that are always sent take of it, all that is usual."""


def room_for_message(max_header_bytes: int, shared_bytes: int) -> int:
    """Return the bytes for the lines of one message, where `shared_bytes` are used already."""
    return max_header_bytes - SIDECAR_BYTES - shared_bytes


USUAL_ROOM: Final = room_for_message(DEFAULT_MAX_HEADER_BYTES, 0)
