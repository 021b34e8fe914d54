"""What setup.py compiles is there: a module that moved is noticed without a compiler."""

from __future__ import annotations

from tests.compiled.test_compiled import ROOT, hot_path


def test_each_module_that_is_compiled_is_there() -> None:
    paths = [ROOT / f"{name.replace('.', '/')}.py" for name in hot_path()]
    assert [each for each in paths if not each.is_file()] == []
