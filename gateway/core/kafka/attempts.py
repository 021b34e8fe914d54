"""What a source that counts attempts itself says by a message's receive count.

A count above :data:`TO_STABLE` says that the message goes to stable, on every route: it is above
each `after_receives`, so that nothing has to be looked at that is not looked at anyway.
"""

from __future__ import annotations

from typing import Final

TO_STABLE: Final = 1 << 40


def attempts_of(receive_count: int) -> int:
    """Return which attempt this is, from 1 on: the receive count without what it says of stable."""
    return receive_count % TO_STABLE
