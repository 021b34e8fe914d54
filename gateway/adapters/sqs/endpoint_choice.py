"""Whether the native client can call the endpoint that botocore found.

A proxy, or an endpoint with a path, is left to the SDK.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from botocore.httpsession import ProxyConfiguration
from botocore.utils import get_environ_proxies

from gateway.adapters.sqs.environment import load_authorities
from gateway.adapters.sqs.signing import host_of

if TYPE_CHECKING:
    import ssl


def needs_sdk(url: str) -> str:
    """Return why only the SDK can call this endpoint; empty where the native client can too."""
    if host_of(url) is None:
        return "its endpoint has a path or a query"
    if ProxyConfiguration(get_environ_proxies(url)).proxy_url_for(url):
        return "a proxy is set in the environment"
    return ""


async def tls_for(url: str, session: Any) -> ssl.SSLContext | None:
    """Return a context with the authorities that botocore would trust; None for http.

    Raises VariableError for a bundle that cannot be read.
    """
    if not url.lower().startswith("https:"):
        return None
    # In a thread: reading some 150 certificates would hold up all routes.
    return await asyncio.to_thread(load_authorities, session, os.environ)
