"""The head of a request: where it goes, what it says, and that nothing breaks out of its line."""

from __future__ import annotations

import pytest

from gateway.adapters.http.native_target import USER_AGENT, NativeTarget
from gateway.adapters.http.request import RequestHead


def rendered(url: str = "http://b.shop:8080/events", **headers: str) -> list[str]:
    head = RequestHead(url, list(headers.items()), "agent/1").render("", 0)
    return head.decode().split("\r\n")


def test_it_reads_as_it_is_sent() -> None:
    head = RequestHead("http://b.shop:8080/events", [("x-team", "shop")], "agent/1")
    assert head.render("Version: v1\r\nx: \r\n", 12) == (
        b"POST /events HTTP/1.1\r\n"
        b"host: b.shop:8080\r\n"
        b"user-agent: agent/1\r\n"
        b"x-team: shop\r\n"
        b"content-length: 12\r\n"
        b"Version: v1\r\n"
        b"x: \r\n"
        b"\r\n"
    )


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "authority"),
    [
        ("http://b.shop/", "b.shop", 80, False, "b.shop"),
        ("http://B.shop:80/", "b.shop", 80, False, "b.shop"),
        ("http://b.shop:443/", "b.shop", 443, False, "b.shop:443"),
        ("https://b.shop/", "b.shop", 443, True, "b.shop"),
        ("https://b.shop:80/", "b.shop", 80, True, "b.shop:80"),
        ("http://[::1]:8080/", "::1", 8080, False, "[::1]:8080"),
        ("https://[2001:db8::1]/", "2001:db8::1", 443, True, "[2001:db8::1]"),
    ],
)
def test_the_host_header_has_the_port_unless_it_is_the_default(
    url: str,
    host: str,
    port: int,
    tls: bool,  # noqa: FBT001 - a column of the table above
    authority: str,
) -> None:
    head = RequestHead(url, [], "agent/1")
    assert (head.host, head.port, head.tls) == (host, port, tls)
    assert rendered(url)[1] == f"host: {authority}"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://b", "/"),
        ("http://b?x=1", "/?x=1"),
        ("http://b/a/b?x=1&y=%20?/", "/a/b?x=1&y=%20?/"),
        ("http://b//double/", "//double/"),
        ("http://b/a;p=1#fragment", "/a;p=1"),
    ],
)
def test_path_and_query_go_out_as_they_are(url: str, target: str) -> None:
    assert rendered(url)[0] == f"POST {target} HTTP/1.1"


def test_the_gateway_names_itself_and_its_version() -> None:
    name, _, version = USER_AGENT.partition("/")
    assert name == "sqs-version-gateway"
    assert version[0].isdigit()


BREAKING_OUT = ["a\r\nx: y", "a\nx: y", "a\rx: y", "a\0", "\r\n", "größer", "☃"]


@pytest.mark.parametrize("lines", ["x: größer\r\n", "x: ☃\r\n", "x: \ud800\r\n"])
def test_lines_that_are_not_ascii_are_a_defect(lines: str) -> None:
    with pytest.raises(ValueError, match="ascii"):
        RequestHead("http://b", [], "agent/1").render(lines, 0)


def test_so_are_lines_that_would_end_the_head_early() -> None:
    with pytest.raises(ValueError, match="empty line"):
        RequestHead("http://b", [], "agent/1").render("x: y\r\n\r\nPOST / HTTP/1.1\r\n", 0)


@pytest.mark.parametrize("text", BREAKING_OUT)
def test_a_value_never_breaks_out_of_its_line(text: str) -> None:
    for header in (("x-bad", text), (text, "x")):
        with pytest.raises(ValueError, match="one of the headers 'host', 'user-agent', "):
            RequestHead("http://b", [header], "agent/1")


@pytest.mark.parametrize("text", BREAKING_OUT)
def test_a_version_s_own_header_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(ValueError, match="one of the headers"):
        NativeTarget("http://b", [("x-team", text)])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://b/", "must begin with http:// or https://"),
        ("b.shop:8080/events", "must begin with http:// or https://"),
        ("http:///events", "name a host"),
        ("http://b/a b", "percent-encode"),
        ("http://b/a\r\nx:y", "percent-encode"),
        ("http://b/größer", "percent-encode"),
        ("http://b:99999/", "[Pp]ort"),
        ("http://user:secret@b/", "holds credentials"),
    ],
)
def test_a_url_that_cannot_be_sent_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refusal:
        NativeTarget(url)
    assert "secret" not in str(refusal.value)
