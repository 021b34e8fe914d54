"""Credentials that are always the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gateway.adapters.sqs.credentials import SharedCredentials


class FixedCredentials(SharedCredentials):
    """One key, and no search for another."""

    def current(self) -> Any:
        return SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="secret", token=None)
