"""How places are written and words are guessed."""

from __future__ import annotations

import pytest

from gateway.config.problems.findings import (
    find_similar,
    format_path,
    quote,
    sanitize,
    suggest,
    to_one_line,
)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "(file)"),
        (("routes",), "routes"),
        (("routes", 0, "versions", "canary", "url"), "routes[0].versions.canary.url"),
        (("body", "customer.tier", "exact"), 'body["customer.tier"].exact'),
        (("a\nb",), '["a\\nb"]'),
        (("",), '[""]'),
        (("routes", 0, "versions", "a", "headers", "x-y"), "routes[0].versions.a.headers.x-y"),
        (("routes", 0, "versions", "a", "headers", "x y"), "routes[0].versions.a.headers[...]"),
        (("routes", 0, "versions", "a", "headers", "x", "y"), "routes[0].versions.a.headers.x"),
        (("routes", 0, "versions", "headers", "url"), "routes[0].versions.headers.url"),
    ],
)
def test_a_path_reads_as_a_place(path: tuple[str | int, ...], place: str) -> None:
    assert format_path(path) == place


@pytest.mark.parametrize(
    ("word", "known", "guess"),
    [
        ("splt", ["split", "stable"], "split"),
        ("maxInFlight", ["max_rate", "max_in_flight"], "max_in_flight"),
        ("TIMEOUT", ["timeout"], "timeout"),
        ("mtach", ["match"], "match"),
        ("anary", ["canary"], "canary"),
        ("blue", ["stable", "canary"], None),
        ("true", ["rules"], None),
        ("", ["split"], None),
        ("split", [], None),
    ],
)
def test_a_misspelt_word_is_guessed_and_another_word_is_not(
    word: str, known: list[str], guess: str | None
) -> None:
    assert find_similar(word, known) == guess


def test_without_a_guess_the_hint_names_what_there_is() -> None:
    assert suggest("cnary", ["stable", "canary"], "there are") == "did you mean canary?"
    assert suggest("blue", ["stable", "canary"], "there are") == "there are: stable, canary"
    assert suggest("blue", [], "there are") == ""
    many = [f"v{n}" for n in range(60)]
    assert suggest("blue", many, "there are") == f"there are: {', '.join(many[:50])}, ..."


def test_a_long_or_unprintable_word_is_shown_short_and_on_one_line() -> None:
    assert quote("x" * 100) == f'"{"x" * 60}..."'
    assert quote("http://user:password@host/path?key") == '"http://..."'
    assert quote("é\n") == '"\\u00e9\\n"'
    assert quote("é") == '"é"'
    assert to_one_line("a\x1b[0m b") == "a\\x1b[0m b"
    assert to_one_line("é") == "é"
    assert sanitize("there are: a, http://user:password@host") == "there are: a, http://...@host"
    assert sanitize("x" * 5_000) == "x" * 4_000 + "..."
