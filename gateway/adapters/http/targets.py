"""Makes the target of a version with a URL."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.adapters.http.header_files import ignore
from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.http.tls import TlsFiles
from gateway.adapters.http1.keepalive import KEEPALIVE
from gateway.core.events import HeaderFileUnusable
from gateway.core.routing.version import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.http1.keepalive import Keepalive
    from gateway.aiokit.descriptors import Descriptors
    from gateway.aiokit.write_batch import WriteBatch
    from gateway.core.events import Event
    from gateway.core.routing.version import Version
    from gateway.ports import Target


def make_target(
    version: Version,
    write_batch: WriteBatch | None = None,
    keepalive: Keepalive | None = KEEPALIVE,
    descriptors: Descriptors | None = None,
    observe: Callable[[Event], None] | None = None,
    *,
    expendable: bool = False,
) -> Target:
    """Return the target of a version with a URL, with the client that the routing file gives it.

    That of a mirror is `expendable`: it does without what runs short.
    """
    tls = TlsFiles(version.tls) if version.tls else None
    report = ignore if observe is None else partial(_report, observe, version.name)
    make: type[HttpxTarget] | partial[NativeTarget]
    if version.client is Client.NATIVE:
        make = partial(NativeTarget, write_batch=write_batch)
    else:
        # Imported only for a version that has this client, since the import takes long.
        from gateway.adapters.http.httpx_target import HttpxTarget  # noqa: PLC0415

        make = HttpxTarget
    return make(
        version.url,
        version.headers,
        max_idle=version.max_in_flight,
        tls=tls,
        lifetime_seconds=version.connection_lifetime_seconds,
        keepalive=keepalive,
        descriptors=descriptors,
        report=report,
        expendable=expendable,
    )


def _report(
    observe: Callable[[Event], None], version: str, header: str, path: str, why: str
) -> None:
    observe(HeaderFileUnusable(version, header, path, why))
