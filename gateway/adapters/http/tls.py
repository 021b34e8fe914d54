"""TLS to a target: the system's authorities, or files of a version, read again when they change."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.core.routing.version import Tls


@cache  # it reads more than a hundred certificates
def usual_context() -> ssl.SSLContext:
    """Return the context of a version without files of its own."""
    return ssl.create_default_context()


class TlsFiles:
    """Gives the context of a new connection, made again when one of the files has changed.

    The files of a Secret are swapped one after the other, so they may not match for a moment. The
    last good context is used until they do.
    """

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._paths = [Path(path) for path in (tls.ca, tls.certificate, tls.key) if path]
        self._seen: list[tuple[int, int, int]] = []
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        """Return the context; raises OSError while there has never been a good one."""
        try:
            seen = [_state(path) for path in self._paths]
            if self._context is None or seen != self._seen:
                self._context = self._read()
                self._seen = seen
        except OSError:  # ssl.SSLError is one
            if self._context is None:
                raise
        return self._context

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._tls.ca)
        if self._tls.certificate is not None:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self._tls.certificate, self._tls.key, password="")
        return context


def _state(path: Path) -> tuple[int, int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_ino, state.st_size
