"""Compiles the road of a message with mypyc, where `GATEWAY_COMPILE=1` asks for it.

`GATEWAY_COMPILE=quick` is for tests: a third of the work, and code that is slow and not optimized.

All else of the project is in pyproject.toml. Why, and what it gains:
docs/adr/0015-the-hot-path-can-be-compiled.md
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from setuptools import setup

if TYPE_CHECKING:
    from setuptools import Extension

HOT_PATH: Final = {
    "aiokit": ("backoff", "idle", "lazy_timer", "write_batch"),
    "core/delivery": ("dialect", "headers", "record_headers"),
    "core/kafka": ("record_size", "records", "window"),
    "core/messages": (
        "attribute_names", "baggage", "iso_time", "json_body", "message", "record",
    ),
    "core/rollout": ("outcomes", "pairing"),
    "core/routing": ("decider", "decision", "rule_index", "split"),
    "runtime": (
        "circuit_breaker", "delivery", "dispatch", "fifo", "in_flight", "limiter",
        "permits", "plans", "recorder", "reporter", "settler", "waiter",
    ),
    "runtime/rollouts": ("under_way",),
    "adapters/http": ("native_target", "request", "status_reader"),
    "adapters/http1": ("client", "connection", "exchange", "pool", "response"),
    "adapters/kafka": ("partitions", "received"),
    "adapters/sqs": ("body_reader", "json_protocol", "signed_requests"),
    "adapters/telemetry": ("statistics", "timeline"),
}  # fmt: skip
"""What a message, or a batch of them, passes through. All of it together: objects that go back and
forth between compiled and interpreted code lose what was gained. Modules of coroutines stay as they
are: they run once for ten messages, and compiled ones tell less of who waits for what."""


WAYS: Final[dict[str, dict[str, Any]]] = {
    "1": {"opt_level": "3", "separate": True},
    "quick": {"opt_level": "0", "debug_level": "0", "separate": False},
}
"""By the value of `GATEWAY_COMPILE`. One unit of C reads the runtime of mypyc once: most of what a
module costs without optimization. With it, one unit would keep one core busy."""


def extensions() -> list[Extension]:
    """Return nothing, or one extension for each module; needs mypy and a C compiler then."""
    way = WAYS.get(os.environ.get("GATEWAY_COMPILE", ""))
    if way is None:
        return []
    from mypyc.build import mypycify  # noqa: PLC0415 - only there where it was asked for

    # Types are judged by `make check`, with all dependencies; here what is not installed may be so.
    options = ["--config-file=", "--ignore-missing-imports"]
    paths = [f"gateway/{folder}/{name}.py" for folder in HOT_PATH for name in HOT_PATH[folder]]
    made: list[Extension] = mypycify([*options, *paths], **way)
    return made


setup(ext_modules=extensions(), options={"build_ext": {"parallel": os.cpu_count()}})
