"""What the tests of tools share with the tests of the gateway."""

from __future__ import annotations

from tests.conftest import _no_settings_from_outside

__all__ = ["_no_settings_from_outside"]
