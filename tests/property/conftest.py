"""How the properties are searched."""

from __future__ import annotations

from hypothesis import settings

# A deadline would measure the machine and its neighbours, not the code.
settings.register_profile("gateway", deadline=None)
settings.load_profile("gateway")
