"""The exit statuses of every command (docs/reference/running.md)."""

from __future__ import annotations

from typing import Final

OK: Final = 0
"""Success; after a soft stop."""

FAILED: Final = 1
"""Any other failure, a hard stop included."""

PROBLEMS: Final = 2
"""A problem in the routing file, the settings or the input."""

DIFFERS: Final = 3
"""`explain --expect` found another decision."""

TIMED_OUT: Final = 4
"""`rollout status --wait` has waited for as long as it was to."""

INTERRUPTED: Final = 130
"""Ended by Ctrl-C."""
