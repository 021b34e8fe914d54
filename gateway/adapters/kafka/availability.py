"""Whether the extra `kafka` is installed; this module imports nothing of it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

INSTALL: Final = "install sqs-version-gateway[kafka]"


def kafka_available() -> bool:
    """Whether routes with `kafka` can run here."""
    return find_spec("confluent_kafka") is not None
