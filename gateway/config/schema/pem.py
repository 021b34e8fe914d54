"""Checks of the PEM files that a routing file names."""

from __future__ import annotations

import os
import ssl
import stat
from typing import TYPE_CHECKING, Any, Final

from gateway.config.problems.findings import Finding, InvalidValue
from gateway.config.schema.fields import Checked, text

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 1024 * 1024
"""The size limit of a Secret. Source: https://kubernetes.io/docs/concepts/configuration/secret/"""

_FILES: Final = ("ca", "certificate", "key")


def pem_file(value: Any) -> str:
    """Return the path of a file that can be read and has a PEM section."""
    path = text(value)
    if not path.startswith("/") or "\0" in path:
        raise InvalidValue(
            "must be an absolute path", "as it is mounted, for instance /etc/tls/ca.crt"
        )
    try:
        content = regular_content(path)
    except OSError as error:
        raise InvalidValue(f"cannot be read: {(error.strerror or 'no file').lower()}") from None
    if b"-----BEGIN " not in content:
        raise InvalidValue("is no PEM file", "it has a line -----BEGIN ...-----")
    return path


def regular_content(path: str) -> bytes:
    """Return the content of a regular file, cut behind what a Secret may have; b"" of any other."""
    # Non-blocking and regular files only: a pipe may block, a device may have no end.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(number, MAX_BYTES) if stat.S_ISREG(os.fstat(number).st_mode) else b""
    finally:
        os.close(number)


PEM_FILE: Final = Checked(pem_file, {"type": "string", "pattern": "^/"})


def tls_findings(url: Any, tls: dict[str, Any]) -> Iterator[Finding]:
    """Yield what does not fit together in a version's `tls`, or cannot be used."""
    if isinstance(url, str) and url.startswith("http://"):
        yield Finding((), "is for https URLs only", "write https:// in `url`, or remove it")
    if not tls:
        yield Finding((), "names no file", "ca, or certificate and key")
    for one, other in (("certificate", "key"), ("key", "certificate")):
        if one in tls and other not in tls:
            yield Finding((one,), f"needs a {other} beside it", f"add {other}")
    usable = {name: path for name in _FILES if (path := _path(tls.get(name)))}
    if "ca" in usable:
        yield from _ca(usable["ca"])
    if "certificate" in usable and "key" in usable:
        yield from _pair(usable["certificate"], usable["key"])


def _path(value: Any) -> str | None:
    try:
        return pem_file(value)
    except InvalidValue:  # reported by `schema`
        return None


def _ca(path: str) -> Iterator[Finding]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except (OSError, ValueError) as error:
        yield Finding(("ca",), f"has no certificates: {_reason(error)}")
        return
    if not context.cert_store_stats()["x509_ca"]:
        yield Finding(("ca",), "has no certificate of an authority")


def _pair(certificate: str, key: str) -> Iterator[Finding]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Without a password argument, OpenSSL would prompt on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        hint = "a key with a password cannot be used"
        yield Finding(("key",), f"does not do with the certificate: {_reason(error)}", hint)


def _reason(error: OSError | ValueError) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "not readable"
    return str(reason).replace("_", " ").lower()
