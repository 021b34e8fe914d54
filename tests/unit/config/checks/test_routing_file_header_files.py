"""The file of a header's value must be there and hold one; what it holds is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound
from gateway.core.routing.version import HeaderFile

if TYPE_CHECKING:
    from pathlib import Path


def text_with(value: str) -> bytes:
    return (
        "routes:\n- name: orders\n  queue: orders\n  versions:\n"
        f"    stable: {{url: http://b/, headers: {{authorization: {value}}}}}\n"
    ).encode()


def problem_of(value: str) -> str:
    with pytest.raises(ProblemsFound) as caught:
        load(text_with(value), "routes.yaml")
    (problem,) = caught.value.problems
    return str(problem)


def test_a_header_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    (route,) = load(text_with(f"{{file: {path}}}"), "routes.yaml").routes
    assert route.stable.headers == (("authorization", HeaderFile(str(path))),)
    assert "s3cret" not in repr(route)


@pytest.mark.parametrize("content", ["", "\n", "s3cret\nx: y", "s3cr\u00e9t\n", "s3cret \n"])
def test_a_file_without_a_legal_value_is_a_problem_that_does_not_show_it(
    content: str, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(content, "utf-8")
    problem = problem_of(f"{{file: {path}}}")
    assert problem.startswith("routes.yaml:5: routes[0].versions.stable.headers.authorization: has")
    assert "s3cr" not in problem


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    problem = problem_of(f"{{file: {tmp_path}/token}}")
    assert "cannot be read: no such file or directory (the Secret must be mounted here" in problem


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("{file: token}", "must have an absolute path"),
        ("{fil: /etc/s3cret}", "must be a text, or {file: PATH}"),
        ("{file: /etc/hostname, s3cret: x}", "must be a text, or {file: PATH}"),
        ("{file: 1}", "must be a text, or {file: PATH}"),
        ("{}", "must be a text, or {file: PATH}"),
    ],
)
def test_another_shape_is_a_problem(value: str, what: str) -> None:
    problem = problem_of(value)
    assert what in problem
    assert "s3cret" not in problem
