"""What docs/reference/decisions.md shows is what happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tests.docs.generate import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = (ROOT / "docs/reference/decisions.md").read_text()
ROUTING_FILE: Final = """
routes:
  - name: orders
    queue: orders
    versions:
      stable: {url: "http://b.shop:8080/events", tag: v1}
      canary: {url: "http://b1.shop:8080/events", tag: v2}
    split: {stable: 90, canary: 10}
"""


def test_explain_prints_the_decision_of_the_page(tmp_path: Path) -> None:
    """The command of the page, with the routing file of the README and the message m-0."""
    (tmp_path / "routes.yaml").write_text(ROUTING_FILE)
    (tmp_path / "messages.jsonl").write_text('{"MessageId": "m-0", "Body": "{}"}\n\n')
    (command,) = re.findall(r"^```sh\n(.*?)\n```", PAGE, re.DOTALL | re.MULTILINE)
    (shown,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    _, *words = command.split()
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(shown)
