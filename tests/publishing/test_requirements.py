"""What the image installs: each package pinned, with the hashes of its files, no host named."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Any, Final

import pytest
from packaging.requirements import Requirement

from tests.publishing.notices import NOTICES, NoticeError, license_texts, notices
from tests.publishing.requirements import BUILD, CONSTRAINTS, KAFKA, ROOT, RUNTIME, normal, pins

if TYPE_CHECKING:
    from pathlib import Path

GOOD: Final = f"six==1.17.0 \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}\n"


def needed(*names: str) -> set[str]:
    """Return the packages that these need on this platform, themselves included."""
    found: set[str] = set()
    open_ends = [Requirement(name) for name in names]
    while open_ends:
        wanted = open_ends.pop()
        extras = wanted.extras or {""}
        if wanted.marker and not wanted.marker.evaluate():
            continue
        found.add(normal(wanted.name))
        for line in distribution(wanted.name).requires or ():
            inner = Requirement(line)
            applies = inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in extras
            )
            if applies and normal(inner.name) not in found:
                inner.marker = None
                open_ends.append(inner)
    return found


def project() -> dict[str, Any]:
    """Return the table `project` of pyproject.toml."""
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])


def dependencies() -> list[str]:
    """Return what the image installs: the extra `otel` is in it."""
    return [*project()["dependencies"], *project()["optional-dependencies"]["otel"]]


def kafka() -> list[str]:
    """Return what the extra `kafka` asks for."""
    return list(project()["optional-dependencies"]["kafka"])


def test_the_image_installs_what_the_project_depends_on_and_nothing_else() -> None:
    assert needed(*dependencies()) == set(pins(RUNTIME))


def test_the_extra_adds_what_it_needs_and_nothing_that_is_there_already() -> None:
    """So that pip changes nothing of what the image has without it."""
    assert needed(*kafka()) == set(pins(KAFKA))
    assert not set(pins(KAFKA)) & set(pins(RUNTIME))


def test_what_compiles_the_gateway_is_pinned_too() -> None:
    asked = re.findall(r"^\w+", BUILD.with_suffix(".in").read_text(), re.MULTILINE)
    assert {"mypy", "setuptools"} == set(asked)
    assert needed(*asked) == set(pins(BUILD))


@pytest.mark.parametrize("file", [RUNTIME, KAFKA, BUILD], ids=lambda file: file.name)
def test_every_pin_has_hashes(file: Path) -> None:
    """With `--require-hashes` pip takes no other file, whichever index it comes from."""
    assert [pin for pin in pins(file).values() if not pin.hashes] == []


@pytest.mark.parametrize("file", [RUNTIME, KAFKA, BUILD], ids=lambda file: file.name)
def test_the_image_runs_what_was_tested(file: Path) -> None:
    tested = {pin.name: pin.version for pin in pins(CONSTRAINTS).values()}
    assert {pin.name: tested[pin.name] for pin in pins(file).values()} == {
        pin.name: pin.version for pin in pins(file).values()
    }


@pytest.mark.parametrize("requirement", [*dependencies(), *kafka()])
def test_a_pin_is_in_the_range_that_the_project_states(requirement: str) -> None:
    wanted = Requirement(requirement)
    assert (pins(RUNTIME) | pins(KAFKA))[normal(wanted.name)].version in wanted.specifier


def test_tools_are_not_in_the_image() -> None:
    assert not {"pytest", "moto", "ministack", "rich", "mypy", "pip", "setuptools"} & set(
        pins(RUNTIME)
    )


@pytest.mark.parametrize(
    "planted",
    [
        "--index-url https://packages.example/simple\n",
        "--extra-index-url https://packages.example/simple\n",
        "--find-links wheels\n",
        "-e .\n",
        "six>=1.17.0\n",
        "six @ https://packages.example/six.whl\n",
        "six==1.17.0 --hash=md5:0123\n",
        f"{GOOD}Six==1.17.0\n",
    ],
)
def test_a_line_that_is_no_pin_is_refused(planted: str, tmp_path: Path) -> None:
    """Planted: an index, an address, an open version, a weak hash, a package twice."""
    file = tmp_path / "runtime.txt"
    file.write_text(planted)
    with pytest.raises(ValueError, match=r"runtime\.txt"):
        pins(file)


def test_a_pin_without_hashes_is_told_from_one_with() -> None:
    assert pins(CONSTRAINTS)["six"].hashes == 0
    assert pins(RUNTIME)["six"].hashes > 1


def test_no_lock_file_that_names_hosts_is_kept() -> None:
    assert [name for name in ("uv.lock", "pylock.toml") if (ROOT / name).exists()] == []


def test_the_notices_are_those_of_what_the_image_installs() -> None:
    """`make generate` writes them."""
    assert NOTICES.read_text("utf-8") == notices()


def test_each_package_of_the_image_has_its_line_in_the_notices() -> None:
    text = NOTICES.read_text("utf-8")
    for pin in pins(RUNTIME).values():
        stated = rf"^{pin.name} {re.escape(pin.version)}: (.+) \[[\d, ]+\]$"
        line = re.search(stated, text, re.MULTILINE)
        assert line, pin.name
        assert "see its text" not in line[1]


def test_the_notices_name_what_an_extra_adds_and_where_its_license_is() -> None:
    """The wheel brings its text, so that an image without the extra is no larger for it."""
    for pin in pins(KAFKA).values():
        package = distribution(pin.name)
        assert f"{pin.name} {pin.version}: " in NOTICES.read_text("utf-8")
        assert license_texts(package)


def test_a_package_without_a_license_text_is_told() -> None:
    class Bare:
        name = "bare"
        files = ()

    with pytest.raises(NoticeError, match="bare: ships no license text"):
        license_texts(Bare())  # type: ignore[arg-type]
