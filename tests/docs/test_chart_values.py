"""docs/reference/chart-values.md has every value of the chart, with its default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.docs import chart_values
from tests.docs.generate import CHART, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = (ROOT / "docs/reference/chart-values.md").read_text("utf-8")
VALUES: Final = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
ROW: Final = re.compile(r"^\| `([\w.-]+)` \| .*? \| (`.*?`|-|an example) \| .* \|$", re.MULTILINE)
SHOWN: Final = dict(ROW.findall(PAGE))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each value that the page must show; a mapping of one line is one value."""
    name = ".".join(path)
    whole = SHOWN.get(name, "-") != "-"
    if not whole and isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    elif name != chart_values.WRITTEN_ELSEWHERE:
        yield name, value


def test_every_value_is_there_with_its_default() -> None:
    found = dict(leaves(VALUES))
    assert len(found) > 80
    assert {name for name in found if name not in SHOWN} == set()
    wrong = {name for name, value in found.items() if _default(SHOWN[name]) != value}
    assert wrong == set()


def _default(shown: str) -> Any:
    """Read a default as the page writes it: lists in block style are on one line there."""
    written = shown.strip("`")
    if written.startswith("- "):
        written = "\n".join(f"- {item}" for item in re.split(r"(?:^|; )- ", written)[1:])
    return None if written == "-" else yaml.safe_load(written)


def test_no_value_is_there_that_the_chart_does_not_have() -> None:
    for name in SHOWN:
        value = VALUES
        for key in name.split("."):
            assert key in value, name
            value = value[key]


def test_comments_sections_and_lists_are_read() -> None:
    text = """\
# Of the file.

# --- First ------
# Says a.
# And more.
a: 1  # not this
b:
  # Says c.
  c: {d: 1}
  e:
    - one
    - {f: 2}

# --- Second ------
g: ""
"""
    first, second = chart_values.sections(text)
    assert (first.title, second.title) == ("First", "Second")
    said = [(value.path, value.default, value.says, value.block) for value in first.values]
    assert said == [
        (("a",), "1", "Says a. And more.", []),
        (("b",), "", "", []),
        (("b", "c"), "{d: 1}", "Says c.", []),
        (("b", "e"), "", "", ["- one", "- {f: 2}"]),
    ]
    assert [value.path for value in second.values] == [("g",)]
