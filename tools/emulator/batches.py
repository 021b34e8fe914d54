"""What the three batch operations share: the limits of a batch, and one result for each entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tools.emulator import errors
from tools.emulator.errors import SqsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_ENTRIES: Final = 10
MAX_BYTES: Final = 1_048_576
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")

Entry = dict[str, Any]


def run(entries: list[Entry], step: Callable[[Entry], Mapping[str, Any]]) -> dict[str, Any]:
    """Apply a step to each entry; one that raises SqsError fails alone."""
    successful: list[Entry] = []
    failed: list[Entry] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **step(entry)})
        except SqsError as error:
            failed.append(error.entry(entry["Id"]))
    return {"Successful": successful, "Failed": failed} if failed else {"Successful": successful}


def entries_of(request: Mapping[str, Any]) -> list[Entry]:
    """Return the entries; raises SqsError where the batch as a whole is invalid."""
    entries: list[Entry] = request.get("Entries") or []
    if not entries:
        why = "There should be at least one entry in the request."
        raise errors.modeled("EmptyBatchRequest", why)
    if len(entries) > MAX_ENTRIES:
        sent = f"You have sent {len(entries)}."
        why = f"Maximum number of entries per request are {MAX_ENTRIES}. {sent}"
        raise errors.modeled("TooManyEntriesInBatchRequest", why)
    seen: set[str] = set()
    for entry in entries:
        _check_id(str(entry.get("Id", "")), seen)
    return entries


def check_size(total_bytes: int) -> None:
    """Raise SqsError where the messages of a batch are too long in total."""
    if total_bytes > MAX_BYTES:
        sent = f"You have sent {total_bytes} bytes."
        why = f"Batch requests cannot be longer than {MAX_BYTES} bytes. {sent}"
        raise errors.modeled("BatchRequestTooLong", why)


def _check_id(entry_id: str, seen: set[str]) -> None:
    if not _ID.fullmatch(entry_id):
        raise errors.modeled(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        )
    if entry_id in seen:
        raise errors.modeled("BatchEntryIdsNotDistinct", f"Id {entry_id} repeated.")
    seen.add(entry_id)
