"""The values that docs/getting-started/ shows are taken, and say what the page says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.chart.rendering import GATEWAY_CHART, ROOT, render

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final = sorted((ROOT / "docs/getting-started").glob("*.md"))
BLOCK: Final = re.compile(r"^```yaml\n# (routes|values)\.yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
INSTALLED: Final = [page for page in PAGES if "helm " in page.read_text("utf-8")]


@pytest.mark.parametrize("page", INSTALLED, ids=lambda page: page.stem)
def test_the_two_files_of_a_page_are_rendered(page: Path, tmp_path: Path) -> None:
    found = dict(BLOCK.findall(page.read_text("utf-8")))
    assert set(found) == {"routes", "values"}
    files = []
    for name, text in found.items():
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(text)
    kinds = {each["kind"]: each for each in render(GATEWAY_CHART, *files)}
    assert kinds["Deployment"]["metadata"]["name"] == "gateway"
    assert kinds["ServiceAccount"]["metadata"]["name"] == "gateway"


def test_there_are_pages_for_three_clusters() -> None:
    assert [page.stem for page in INSTALLED] == ["eks", "kind", "openshift"]
