"""Any bytes as stored state: what is read comes back as it is, all else is torn, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.rollout.json_fields import TornStateError
from gateway.core.rollout.stored import (
    dump_file,
    dump_folded,
    dump_state,
    dump_sums,
    load_file,
    load_folded,
    load_state,
    load_sums,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 300
_KINDS: Final[tuple[tuple[Callable[[str], Any], Callable[[Any], str]], ...]] = (
    (load_state, dump_state),
    (load_sums, dump_sums),
    (load_folded, lambda found: dump_folded(*found)),
    (load_file, dump_file),
)


def check(content: bytes) -> None:
    """Read the bytes as each kind of stored text."""
    text = content.decode("utf-8", "replace")
    for load, dump in _KINDS:
        try:
            found = load(text)
        except TornStateError as error:
            why = str(error)
            assert why, "no reason"
            assert why.isprintable(), ascii(why)
            assert len(why) <= LONGEST, len(why)
        else:
            assert load(dump(found)) == found
