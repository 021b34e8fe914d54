"""How commands find a gateway, and what they say where it refuses or is away."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.fakes.admin_stub import ROLLOUT, routes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.admin_stub import AdminStub
    from tests.unit.cli.conftest import Run

PAUSE = ("rollout", "pause", "orders")
PATH = "/api/routes/orders/rollout/pause"


def test_the_settings_of_this_machine_lead_to_the_gateway(stub: AdminStub, run: Run) -> None:
    """An empty host, the default, means loopback."""
    stub.reply("GET", "/api/routes", routes())
    assert run("status").out == "no routes\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "127.0.0.1", "localhost"])
def test_every_address_means_loopback(
    stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """`::` is asked first by IPv6, where this one does not listen."""
    stub.reply("GET", "/api/routes", routes())
    monkeypatch.setenv("GATEWAY_ADMIN_HOST", host)
    assert run("status").status == 0


def test_a_url_wins_and_may_have_a_path_before_the_gateways_own(stub: AdminStub, run: Run) -> None:
    stub.reply("GET", "/of/it/api/routes", routes())
    found = run("--admin-port", "9", "status", "--url", f"{stub.url}/of/it/")
    assert (found.status, found.err) == (0, "")


def test_a_flag_before_or_after_the_command_wins_over_the_environment(
    stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.reply("GET", "/api/routes", routes())
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", "9")
    assert run("--admin-port", str(stub.port), "status").status == 0
    assert run("status", "--admin-port", str(stub.port)).status == 0
    assert run("status").status == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:8080", "must be http://HOST:PORT or https://HOST:PORT"),
        ("ftp://a/", "must be http://HOST:PORT or https://HOST:PORT"),
        ("http://", "must be http://HOST:PORT or https://HOST:PORT"),
        ("http://me:secret@a/", "must have no user, password, ? and #"),
        ("http://a/?b=secret", "must have no user, password, ? and #"),
        ("http://a:99999/", "ort out of range 0-65535"),
        ("http://[::1/", "Invalid IPv6 URL"),
    ],
)
def test_a_bad_url_is_a_usage_error_that_shows_no_password(run: Run, url: str, why: str) -> None:
    found = run("status", "--url", url)
    assert (found.status, found.out) == (2, "")
    assert why in found.err
    assert "secret" not in found.err


def test_the_token_goes_along(stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.reply("POST", PATH, ROLLOUT)
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", "t-1")
    run(*PAUSE)
    assert [each.authorization for each in stub.asked] == ["Bearer t-1"]


def test_no_token_follows_a_redirect(
    stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", "t-1")
    stub.reply("POST", PATH, "", 307, location=f"{stub.url}/elsewhere")
    found = run(*PAUSE)
    assert found.status == 1
    assert f"redirects to {stub.url}/elsewhere (307), which is not followed" in found.err
    assert len(stub.asked) == 1


def test_no_proxy_is_asked(stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.reply("GET", "/api/routes", routes())
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert run("status").status == 0


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, "needs a token", "wants a token (401): set GATEWAY_ADMIN_TOKEN to its own"),
        (403, "loopback only\n", "does not allow it (403: loopback only): run the command in its"),
        (404, {"error": "no route x; there are: a"}, "pause: no route x; there are: a (404)"),
        (404, "no such path", "has no such path (404): is that its admin port, and of this"),
        (409, {"error": "it is promoted"}, "gateway rollout pause: it is promoted (409)\n"),
        (422, {"error": "by is no text"}, "gateway rollout pause: by is no text (422)\n"),
        (503, {"error": "state: no"}, "cannot do it now (503): state: no; try it again"),
        (500, "internal error; the log has it\n", "responds with 500: internal error; the log"),
        (409, "[1]", "responds with 409: [1]"),
        (500, "\x1b[31mred\x07", "responds with 500: \\x1b[31mred\\x07"),
        (200, "<html>", "responds with something else than JSON: is it a gateway's admin port?"),
        (200, {"phase": 1}, "the response is not as this release knows it (KeyError: "),
        (200, [], "the response is not as this release knows it"),
    ],
)
def test_each_error_is_one_sentence_that_says_what_to_do(
    stub: AdminStub, run: Run, status: int, body: object, words: str
) -> None:
    stub.reply("POST", PATH, body, status)
    found = run(*PAUSE)
    assert (found.status, found.out) == (1, "")
    assert words in found.err
    assert found.err.count("\n") == 1


def test_a_token_that_is_another_one_is_said(
    stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", "t-1")
    stub.reply("POST", PATH, "no", 401)
    found = run(*PAUSE)
    assert "has another token than GATEWAY_ADMIN_TOKEN here (401)" in found.err
    assert "t-1" not in found.err


@pytest.mark.parametrize(
    "command", [("status",), ("rollout", "status", "a"), PAUSE, ("weight", "a", "b=1")]
)
def test_a_gateway_that_is_away_is_one_sentence_with_the_urls(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", "9")
    found = run(*command)
    assert (found.status, found.out) == (1, "")
    assert "no gateway at http://127.0.0.1:9 (Connection refused) or http://[::1]:9 (" in found.err
    assert found.err.count("\n") == 1


def test_a_change_without_a_response_is_not_called_undone(run: Run) -> None:
    """The gateway may have done it before the connection broke."""

    def close(server: socket.socket) -> None:
        server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=close, args=(server,))
        thread.start()
        found = run(*PAUSE, "--url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert found.status == 1
    assert "it may have done it: look before you repeat it" in found.err


def test_something_that_speaks_no_http_is_said(run: Run) -> None:
    def speak(server: socket.socket) -> None:
        with server.accept()[0] as connection:
            connection.sendall(b"220 mail\r\n")
            connection.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak, args=(server,))
        thread.start()
        found = run("status", "--url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert found.status == 1
    assert "no response in HTTP" in found.err


def test_any_port_is_no_place_to_ask(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", "0")
    found = run("status")
    assert found.status == 1
    assert "GATEWAY_ADMIN_PORT is 0" in found.err


def test_a_bad_setting_is_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", "80a")
    assert run("status").status == 2


def test_https_is_for_certificates_that_are_trusted(
    stub: AdminStub, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    stub.encrypt(context)
    stub.reply("GET", "/api/routes", routes())
    url = stub.url.replace("http:", "https:")
    found = run("status", "--url", url)
    assert found.status == 1
    assert "its certificate is not trusted: " in found.err
    assert "SSL_CERT_FILE names others" in found.err
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert run("status", "--url", url).out == "no routes\n"
