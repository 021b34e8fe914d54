"""The emulator's ledger, beside the SQS that it also is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from tests.integration.queues import Sqs

if TYPE_CHECKING:
    from collections.abc import Mapping


class EmulatedSqs(Sqs):
    """An SQS with a ledger."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self._control = httpx.Client(base_url=endpoint, trust_env=False, verify=False)

    def close(self) -> None:
        """Let go of connections."""
        super().close()
        self._control.close()

    def ledger(self, queue: str) -> dict[str, Any]:
        """Return the queue in numbers."""
        ledger: dict[str, Any] = self._get(f"/_history/{queue}")
        return ledger

    def history(self, queue: str) -> dict[str, list[tuple[str, int]]]:
        """Return what happened to each message, by its body: (what, number) in order."""
        return {
            page["body"]: [(event["what"], event["number"]) for event in page["events"]]
            for page in self._get(f"/_history/{queue}/messages")
        }

    def break_with(self, *rules: Mapping[str, Any]) -> None:
        """Let faults strike by these rules (tools/emulator/rules.py); without any, all is calm."""
        self._control.post("/_faults", json={"rules": rules}).raise_for_status()

    def _get(self, path: str) -> Any:
        answer = self._control.get(path)
        answer.raise_for_status()
        return answer.json()
