"""Every problem of a routing file at once, each with its line, place and a way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config.file import read
from gateway.config.loader import MAX_BYTES, load
from gateway.config.problems.problem import Problem, ProblemsFound

GOLDEN = Path(__file__).parents[3] / "golden" / "routing_files"
BROKEN = sorted(GOLDEN.glob("*.yaml"))
SMALLEST = """
routes:
  - name: orders
    queue: orders
    versions:
      stable: http://b.shop:8080/events
      canary: http://b1.shop:8080/events
"""


def problems_of(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(ProblemsFound) as caught:
        load(content, "routes.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_is_explained_word_for_word(broken: Path) -> None:
    """The texts beside the files were read by eye; a change to one is a change for users."""
    assert problems_of(broken.read_bytes()) == broken.with_suffix(".txt").read_text().splitlines()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda path: path.stem)
def test_the_lines_are_in_order_and_inside_the_file(broken: Path) -> None:
    with pytest.raises(ProblemsFound) as caught:
        load(broken.read_bytes(), "routes.yaml")
    lines = [problem.line for problem in caught.value.problems]
    assert lines == sorted(lines, key=lambda line: line or 0)
    assert all(1 <= (line or 0) <= broken.read_bytes().count(b"\n") + 1 for line in lines)


def test_there_are_at_least_forty_broken_files_and_no_text_without_a_file() -> None:
    assert len(BROKEN) >= 40
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in BROKEN}


def test_no_text_speaks_of_the_libraries_underneath() -> None:
    jargon = re.compile(
        r"pydantic|value_error|Input should|Extra inputs|Field required|Traceback|<class"
        r"|block end|scanning|parsing|\bstr\b|\bdict\b|NoneType",
    )
    for golden in GOLDEN.glob("*.txt"):
        assert not jargon.search(golden.read_text()), golden.name


@pytest.mark.parametrize(
    "value",
    [
        '"s3cret\\n"',
        "31337",
        "[s3cret]",
        "{s3cret: s3cret2}",
        "*s3cret",
        "!s3cret s3cret",
        '"s3cret\\q"',
        "@s3cret",
        "s3cret: s3cret",
        "'s3cret",
        "s3crét",
    ],
)
def test_a_headers_value_is_never_shown(value: str) -> None:
    found = problems_of(f"{SMALLEST}      extra: {{url: http://c/, headers: {{auth: {value}}}}}\n")
    assert found
    assert not any("s3cr" in problem or "31337" in problem for problem in found)


def test_the_credentials_in_a_url_are_never_shown() -> None:
    (found,) = problems_of(SMALLEST.replace("http://b.", "http://user:s3cret@b."))
    assert "s3cret" not in found


def test_a_file_that_is_not_there_is_a_problem_without_a_line(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    with pytest.raises(ProblemsFound) as caught:
        read(path)
    (problem,) = caught.value.problems
    what = "cannot be read: no such file or directory"
    assert problem == Problem(str(path), None, "(file)", what)
    assert str(problem) == f"{path}: (file): {what}"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match=r"\(file\): cannot be read: is a directory"):
        read(tmp_path)


def test_a_path_with_a_zero_byte_is_a_problem() -> None:
    with pytest.raises(ProblemsFound, match=r"\(file\): cannot be read: not a path"):
        read("routes\0.yaml")


def test_a_file_larger_than_a_configmap_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(SMALLEST.encode().ljust(MAX_BYTES + 1, b"#"))
    with pytest.raises(ProblemsFound) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.what == "is larger than 1,024 KiB, which is all that a ConfigMap holds"


def test_a_file_as_large_as_a_configmap_loads() -> None:
    assert load(SMALLEST.encode().ljust(MAX_BYTES, b"#"), "routes.yaml").routes


def test_what_was_found_before_a_syntax_error_is_reported_with_it() -> None:
    twice, syntax = problems_of(SMALLEST + "    queue: twice\n    a: b: c\n")
    assert twice == (
        "routes.yaml:8: routes[0].queue: the key is there twice (the first is on line 4)"
    )
    assert syntax.startswith("routes.yaml:9: (file): a `key: value` cannot stand here")


def test_a_broken_field_hides_no_check_on_the_fields_beside_it() -> None:
    """The URL is broken, yet the version is known to `split` and `to`."""
    found = problems_of(
        SMALLEST.replace("http://b1.", "ftp://b1.")
        + "    split: {stable: 1, canary: 1}\n    rules: [{match: [{group: {exact: g}}], to: gone}]"
    )
    assert [problem.split(": ")[1] for problem in found] == [
        "routes[0].versions.canary",
        "routes[0].rules[0].to",
    ]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("(" * 20_000 + "a" + ")" * 20_000, "is a JMESPath that nests too deeply"),
        (f"a[{'9' * 5_000}]", "is not a JMESPath"),
    ],
)
def test_a_jmespath_that_its_library_chokes_on_is_a_problem(path: str, what: str) -> None:
    found = problems_of(f"{SMALLEST}    sticky: body:{path}")
    assert found == [f"routes.yaml:8: routes[0].sticky: {what}"]


def test_an_exception_reads_as_its_problems() -> None:
    found = ProblemsFound(
        [Problem("a.yaml", 1, "x", "is bad", "mend it"), Problem("b", None, "y", "z")]
    )
    assert str(found) == "a.yaml:1: x: is bad (mend it)\nb: y: z"


def test_a_mirror_is_no_queue() -> None:
    found = problems_of(
        "routes: [{name: a, queue: a, versions: {stable: http://b/, canary: {queue: b1}}, "
        "mirror: {to: canary, percent: 5}}]"
    )
    place = "routes.yaml:1: routes[0].mirror.to: "
    assert f"{place}is a queue, and copies are POSTed (name a version with a `url`)" in found
