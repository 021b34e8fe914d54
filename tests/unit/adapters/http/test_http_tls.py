"""A version's own TLS files: whom it trusts, who it is, and files that change on disk."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from gateway.adapters.http.httpx_target import HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.http.tls import TlsFiles, usual_context
from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.routing.version import Tls
from tests.contract.deliveries import post
from tests.contract.http_services import responding, serving

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY, ANOTHER = trustme.CA(), trustme.CA()
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TARGETS = pytest.mark.parametrize("kind", [NativeTarget, HttpxTarget])


def server_side(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    """A service that wants to know who calls."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def write(folder: Path, authority: trustme.CA = AUTHORITY, signer: trustme.CA | None = None) -> Tls:
    ours = (signer or authority).issue_cert("gateway")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    (folder / "tls.crt").write_bytes(b"".join(pem.bytes() for pem in ours.cert_chain_pems))
    ours.private_key_pem.write_to_path(folder / "tls.key")
    return Tls(*(str(folder / name) for name in ("ca.crt", "tls.crt", "tls.key")))


@TARGETS
async def test_each_shows_who_it_is_and_knows_the_other(kind: Any, tmp_path: Path) -> None:
    async with serving(responding(CLOSING), server_side()) as service:
        target = kind(service.url, tls=TlsFiles(write(tmp_path)))
        assert await post(target) == Responded(200)
        await target.close()


@TARGETS
async def test_the_system_s_authorities_are_not_trusted_beside_ours(
    kind: Any, tmp_path: Path
) -> None:
    async with serving(responding(CLOSING), server_side(ANOTHER)) as service:
        target = kind(service.url, tls=TlsFiles(write(tmp_path)))
        result = await post(target)
        await target.close()
    assert isinstance(result, Unreachable)
    assert "certificate verify failed" in result.why.lower()


async def test_files_that_change_are_read_for_the_next_connection(tmp_path: Path) -> None:
    """As a Secret's do when its certificate is renewed, here even by another authority."""
    files = TlsFiles(write(tmp_path))
    async with (
        serving(responding(CLOSING), server_side()) as before,
        serving(responding(CLOSING), server_side(ANOTHER)) as after,
    ):
        old, new = NativeTarget(before.url, tls=files), NativeTarget(after.url, tls=files)
        assert await post(old) == Responded(200)
        assert isinstance(await post(new), Unreachable)
        write(tmp_path, ANOTHER)
        assert await post(new) == Responded(200)
        for target in (old, new):
            await target.close()


def test_files_that_have_not_changed_are_not_read_again(tmp_path: Path) -> None:
    files = TlsFiles(write(tmp_path))
    assert files() is files()


def test_what_was_good_last_serves_while_the_files_do_not_fit(tmp_path: Path) -> None:
    files = TlsFiles(write(tmp_path))
    good, certificate = files(), (tmp_path / "tls.crt").read_bytes()
    (tmp_path / "tls.crt").unlink()
    assert files() is good
    AUTHORITY.issue_cert("next").private_key_pem.write_to_path(tmp_path / "tls.key")
    (tmp_path / "tls.crt").write_bytes(certificate)
    assert files() is good
    write(tmp_path)
    assert files() is not good


async def test_files_that_have_gone_since_they_were_checked_are_unreachable(tmp_path: Path) -> None:
    tls = write(tmp_path)
    (tmp_path / "ca.crt").unlink()
    async with serving(responding(CLOSING), server_side()) as service:
        target = NativeTarget(service.url, tls=TlsFiles(tls))
        result = await post(target)
        await target.close()
    assert isinstance(result, Unreachable)
    assert result.why.endswith("No such file or directory")


def test_the_usual_context_is_made_once_and_the_httpx_target_has_its_own() -> None:
    """It offers HTTP/2 by its context, which the native target must not."""
    assert usual_context() is usual_context()
    target = HttpxTarget("https://b.shop/")
    assert target._tls() is not usual_context()
