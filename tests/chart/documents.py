"""YAML as it is rendered, read by libyaml: tests read megabytes of it, ten times faster so."""

from __future__ import annotations

from typing import Any, Final

import yaml

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in Python where PyYAML was built without libyaml: both read alike."""


def load(text: str) -> Any:
    """Return the one document of a text."""
    return yaml.load(text, LOADER)


def load_all(text: str) -> list[Any]:
    """Return all documents of a text; an empty one is None."""
    return list(yaml.load_all(text, LOADER))
