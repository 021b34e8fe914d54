"""Whatever is in a routing file, reading it makes nothing but values, and takes little."""

from __future__ import annotations

import pytest
import yaml

from gateway.config.loader import MAX_BYTES, MAX_PROBLEMS, load
from gateway.config.problems.problem import Problem, ProblemsFound
from gateway.config.yaml import composer
from tools.fuzz.routing_file import counted

ROUTE = "routes:\n  - name: orders\n    queue: orders\n    versions: {stable: http://b/}\n"
CALLS_PER_BYTE = 100


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ProblemsFound) as caught:
        load(text.encode(), "routes.yaml")
    return caught.value.problems


def laughs(levels: int) -> str:
    """A list of lists of lists: each level holds the one before nine times."""
    lines = [f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, levels)]
    return "b0: &b0 [lol, lol]\n" + "".join(lines)


@pytest.mark.parametrize("levels", [8, 30, 1_000])
def test_a_billion_laughs_end_at_the_hundred_thousandth(levels: int) -> None:
    found, calls = counted(lambda: problems_of(laughs(levels)))
    assert "holds more than 100,000 values" in found[-1].what
    assert calls < 50_000


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object/apply:os.system ['exit 1']",
        "!!python/object/new:subprocess.Popen [[true]]",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!binary aGk=",
        "!!set {a}",
        "!Unknown x",
    ],
)
def test_a_tag_makes_no_object(tagged: str) -> None:
    """It is a problem like any other, and the value below it stays what it is."""
    found = problems_of(f"{ROUTE}    seed: {tagged}\n")
    assert "has a YAML tag" in found[0].what
    assert "python" not in str(found)


def test_no_constructor_of_yaml_s_is_ever_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes objects of tags is left out altogether; only events of the parser are read."""

    def refuse(*_: object) -> None:
        raise AssertionError("a value was constructed")

    for maker in ("construct_document", "construct_object", "get_single_data", "get_data"):
        monkeypatch.setattr(yaml.constructor.BaseConstructor, maker, refuse)
    for loader in ("load", "safe_load", "unsafe_load", "full_load"):
        monkeypatch.setattr(yaml, loader, refuse)
    assert load(ROUTE.encode(), "routes.yaml").routes
    assert issubclass(composer._PARSER, yaml.SafeLoader | yaml.CSafeLoader)


@pytest.mark.parametrize("opening", ["[", "- ", "? ", "{a: ", "a: [", "&a [", "!x [", "[&a "])
def test_depth_ends_at_fifty_levels_however_much_follows(opening: str) -> None:
    found, calls = counted(lambda: problems_of(opening * (500_000 // len(opening))))
    assert any(words in found[-1].what for words in ("nests deeper", "cannot stand", "not YAML"))
    assert calls < 50_000


HUGE = {
    "keys that nothing is called": "".join(f"    sp{n}: 1\n" for n in range(3_000)),
    "one key, many times": "    wait: 1s\n" * 3_000,
    "names that no version has": "    split:\n"
    + "".join(f"      stabel{n}: 1\n" for n in range(3_000)),
    "tags": f"    rules: [{'!x a, ' * 3_000}]\n",
    "rules without anything": "    rules:\n" + "    - {}\n" * 3_000,
    "routes alike": "".join(
        f"  - {{name: orders, queue: orders, nam{n}: 1}}\n" for n in range(2_000)
    ),
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_a_file_full_of_mistakes_has_the_first_few_hundred_printed_and_takes_little(
    text: str,
) -> None:
    """To guess what each of 45,000 keys was meant to be took nine seconds, in which all stood."""
    found, calls = counted(lambda: problems_of(ROUTE + text))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].what == f"has more problems than these {MAX_PROBLEMS}"
    assert len(str(found)) < 400 * MAX_PROBLEMS
    assert calls < CALLS_PER_BYTE * len(ROUTE + text) + 2_000_000


def test_no_guess_is_made_among_thousands_of_names_or_for_a_word_of_thousands() -> None:
    """Comparing all with all took seconds at 300 names, and hours at 20,000."""
    versions = ", ".join(f"stable{n}: http://b/" for n in range(700))
    split = ", ".join(f"stabel{n}: 1" for n in range(50))
    text = ROUTE.replace("stable: http://b/", versions) + f"    split: {{{split}}}\n"
    found, calls = counted(lambda: problems_of(text))
    assert len(found) == 50
    assert calls < 4_000_000
    long = "".join(chr(0x4E00 + n % 997) for n in range(3_000))
    versions = f"{{? {long}x : http://b/}}"  # only so may a key be longer than 1,024 characters
    text = ROUTE.replace("{stable: http://b/}", versions) + f"    stable: {long}\n"
    found, calls = counted(lambda: problems_of(text))
    assert any("no version is called" in problem.what for problem in found)
    assert calls < 50_000


def test_a_problem_is_short_however_long_what_it_is_about() -> None:
    name = "x" * (MAX_BYTES // 4)
    text = f"{ROUTE.replace('stable:', f'? {name} :')}    stable: {name}y\n    ? {name}\n    : 1\n"
    found = problems_of(text)
    assert len(found) > 2
    assert all(len(str(problem)) < 10_000 for problem in found)


@pytest.mark.parametrize(
    "headers",
    [
        '{"Authorization: Bearer s3cret"}',
        "{Authorization, Bearer s3cret}",
        "{Authorization: {s3cret: 1, s3cret: 2}}",
        "{Authorization: [s3cret, *s3cret]}",
        '{"Bearer s3cret": x, "bearer S3cret": y}',
        "{? {s3cret: 1} : 2}",
        "[Authorization: Bearer s3cret]",
        "s3cret",
        "{Authorization: Bearer s3cret, Authorization: Bearer s3cret}",
        "{x y: &s3cret a}",
        "{Authorization: Bearer s3cret: x}",
    ],
)
def test_a_secret_that_slipped_into_a_header_s_name_or_below_is_not_shown(headers: str) -> None:
    text = ROUTE.replace("stable: http://b/", f"stable: {{url: http://b/, headers: {headers}}}")
    found = problems_of(text)
    assert found
    assert "s3cret" not in str(found).lower()


@pytest.mark.parametrize(
    "line",
    [
        "stable: http://user:s3cret@b/",
        "stable: http://b/?token=s3cret",
        "stable: http://user:s3/s3cret@b/",
        "split: {'http://user:s3cret@b/': 1}",
        "rules: [{match: [{group: {exact: g}}], to: 'http://user:s3cret@b/'}]",
        "reject: http://user:s3cret@b/",
        "version_from: ['http://user:s3cret@b/']",
        "sticky: http://user:s3cret@b/",
        "'http://user:s3cret@b/': 1",
    ],
)
def test_a_url_that_slipped_to_where_a_word_is_expected_is_not_shown(line: str) -> None:
    found = problems_of(f"{ROUTE}    {line}\n")
    assert found
    assert "s3cret" not in str(found)


def test_a_version_that_is_called_by_a_url_is_not_shown_with_its_password() -> None:
    text = (
        ROUTE.replace("stable:", "'http://user:s3cret@b/':") + "    stable: gone\n    split: {}\n"
    )
    assert "s3cret" not in str(problems_of(text))
