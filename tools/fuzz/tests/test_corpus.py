"""What fuzzing has found stays found: every file of the corpus goes through its target."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tools.fuzz.targets import CORPUS, TARGETS, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FILES = 250
MOST_BYTES = 300_000


@pytest.fixture(autouse=True)
def _recursion_limit_of_the_process() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_of_the_corpus_passes(target: str) -> None:
    """No atheris needed; a failure names the file."""
    check, files = TARGETS[target](), sorted((CORPUS / target).iterdir())
    assert len(files) > 10
    for file in files:
        try:
            check(file.read_bytes())
        except Exception as error:
            error.add_note(f"input: {file}")
            raise


@pytest.mark.parametrize("target", TARGETS)
def test_words_of_a_target_are_sound_inputs_too(target: str) -> None:
    for word in [b"", *words_of(target)]:
        TARGETS[target]()(word)


def test_the_corpus_is_small() -> None:
    files = [file for file in CORPUS.rglob("*") if file.is_file()]
    assert len(files) < MOST_FILES
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    assert {file.parent.name for file in files} == set(TARGETS)
