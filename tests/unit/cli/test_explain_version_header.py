"""`explain` reads a pin under the name that the route's `version_header` has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.explain import explain_messages
from gateway.config import loader

if TYPE_CHECKING:
    from pathlib import Path

ROUTING = b"""
routes:
  - name: orders
    queue: orders
    version_header: shop-version
    versions: {stable: {url: http://b/, tag: v1}, canary: {url: http://b1/, tag: v2}}
"""


@pytest.mark.parametrize(
    ("attributes", "version"),
    [
        ({"shop-version": "v2"}, "canary"),
        ({"baggage": "a=1,Shop-Version=v2"}, "canary"),
        ({"version": "v2", "baggage": "version=v2"}, "stable"),
    ],
)
def test_explain_pins_by_the_name_of_the_version_header(
    attributes: dict[str, str], version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
    messages = tmp_path / "messages.jsonl"
    messages.write_text(json.dumps({"MessageId": "m-1", "Body": "", "MessageAttributes": named}))
    table = loader.load(ROUTING, "routes.yaml")
    assert explain_messages(table, "orders", str(messages), None) == 0
    assert json.loads(capsys.readouterr().out)["version"] == version
