"""Every test that the threat model names exists where it says, and every row names one."""

from __future__ import annotations

import re

import pytest

from tests.docs.generate import ROOT

PAGE = ROOT / "docs/explanation/threat-model.md"
NAMED = re.compile(r"\[`(test_\w+)`\]\(([^)]+)\)")
ROW = re.compile(r"^\| (?!threat|---).*", re.MULTILINE)
TESTS = NAMED.findall(PAGE.read_text())


def test_there_are_rows_and_each_names_a_test() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert len(rows) > 20
    assert [row for row in rows if not NAMED.search(row)] == []


@pytest.mark.parametrize(("name", "link"), TESTS)
def test_a_test_that_is_named_exists(name: str, link: str) -> None:
    file = (PAGE.parent / link).resolve()
    assert re.search(rf"^ *(?:async )?def {name}\(", file.read_text(), re.MULTILINE)
