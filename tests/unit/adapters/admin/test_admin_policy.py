"""Who may change something over the admin port, without a server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.adapters.admin.policy import Caller, is_loopback, refusal

TOKEN = "s3cret-ä"
LOCAL = Caller(peer="127.0.0.1", host="127.0.0.1:8080")
REMOTE = Caller(peer="10.1.2.3", host="gateway.shop:8080")


def status(caller: Caller, token: str | None) -> int | None:
    refused = refusal(caller, token)
    return refused.status if refused else None


@pytest.mark.parametrize(
    "peer",
    ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::1%lo"],
)
def test_loopback_in_every_spelling_is_loopback(peer: str) -> None:
    assert is_loopback(peer)


@pytest.mark.parametrize(
    "peer",
    [
        "10.0.0.1",
        "0.0.0.0",
        "169.254.1.1",
        "::",
        "fe80::1%eth0",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "128.0.0.1",
        "localhost",
        "",
        None,
    ],
)
def test_all_else_is_not(peer: str | None) -> None:
    assert not is_loopback(peer)


@pytest.mark.parametrize("peer", ["127.0.0.6", "::ffff:127.0.0.6"])
def test_a_sidecars_inbound_address_stands_for_the_mesh(peer: str) -> None:
    assert not is_loopback(peer)


# ---- with a token -------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [LOCAL, REMOTE])
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_whoever_has_the_token_may(caller: Caller, scheme: str) -> None:
    sent = (scheme + TOKEN).encode().decode("utf-8", "surrogateescape")
    assert refusal(replace(caller, authorization=sent), TOKEN) is None


@pytest.mark.parametrize("caller", [LOCAL, REMOTE])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer s3cret",
        "Bearer s3cret-ä2",
        "Bearer \udce4",
        "s3cret-ä",
        "Basic s3cret-ä",
        "Token s3cret-ä",
        "Bearers3cret-ä",
    ],
)
def test_nobody_else_may_not_even_from_loopback(caller: Caller, authorization: str | None) -> None:
    assert status(replace(caller, authorization=authorization), TOKEN) == 401


def test_with_a_token_a_browser_may_from_anywhere() -> None:
    """No page can send the header to another site unless that site allows it, and we never do."""
    caller = replace(
        REMOTE, authorization="Bearer t", origin="http://x.test", fetch_site="same-site"
    )
    assert refusal(caller, "t") is None


# ---- without a token ----------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_loopback_may_and_others_may_not(token: str | None) -> None:
    assert status(LOCAL, token) is None
    assert status(REMOTE, token) == 403


def test_an_empty_token_is_not_a_password() -> None:
    assert status(replace(REMOTE, authorization="Bearer "), "") == 403


def test_a_remote_caller_may_not_say_that_it_is_local() -> None:
    assert status(replace(REMOTE, host="localhost", origin="http://localhost"), None) == 403


def test_the_refusal_says_what_is_missing() -> None:
    refused = refusal(REMOTE, None)
    assert refused is not None
    assert "GATEWAY_ADMIN_TOKEN" in refused.why


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "gateway.localhost",
        "127.0.0.1:8080",
        "[::1]:8080",
        "10.0.0.1",
        None,
    ],
)
def test_a_host_that_is_localhost_or_an_address_may(host: str | None) -> None:
    assert status(replace(LOCAL, host=host), None) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:8080",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "127.0.0.1@evil.test",
        "xlocalhost",
        "[::1",
        "[evil]:80",
        "",
    ],
)
def test_a_name_that_may_be_rebound_to_loopback_may_not(host: str) -> None:
    assert status(replace(LOCAL, host=host), None) == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("LocalHost:8080", "http://localhost:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
@pytest.mark.parametrize("fetch_site", [None, "same-origin", "none"])
def test_our_own_page_may(host: str, origin: str, fetch_site: str | None) -> None:
    caller = replace(LOCAL, host=host, origin=origin, fetch_site=fetch_site)
    assert refusal(caller, None) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test",
        "http://127.0.0.1:3000",
        "http://127.0.0.1",
        "http://localhost:8080",
        "http://127.0.0.1:8080.evil.test",
        "http://[::1",
        "null",
        "",
    ],
)
def test_another_sites_page_may_not(origin: str) -> None:
    assert status(replace(LOCAL, origin=origin), None) == 403


@pytest.mark.parametrize("fetch_site", ["cross-site", "same-site", "nonsense", ""])
def test_what_the_browser_calls_cross_site_may_not(fetch_site: str) -> None:
    assert status(replace(LOCAL, fetch_site=fetch_site), None) == 403


def test_an_origin_without_a_host_to_compare_may_not() -> None:
    assert status(replace(LOCAL, host=None, origin="http://127.0.0.1:8080"), None) == 403
