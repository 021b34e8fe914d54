"""What the harness and the peers call the same things."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
QUEUE: Final = "bench"
CANARY_TAG: Final = "v2"
