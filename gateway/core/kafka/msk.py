"""What the names of brokers of Amazon MSK say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_BROKER: Final = re.compile(
    r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?::|\Z)"
)


def region_in(brokers: Iterable[str]) -> str | None:
    """Return the region that brokers' names have, None where none has one."""
    found = (_BROKER.search(each) for each in brokers)
    return next((match[1] for match in found if match), None)
