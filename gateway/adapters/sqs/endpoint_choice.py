"""Where the lean client calls: what botocore found, and whether that will do.

A proxy, or an endpoint with a path of its own, is left to the SDK.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Any

from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies

from gateway.adapters.sqs.signing import host_of


def needs_sdk(url: str) -> str:
    """Say why only the SDK can call this endpoint; empty where the lean client can as well."""
    if host_of(url) is None:
        return "its endpoint has a path or a query"
    if ProxyConfiguration(get_environ_proxies(url)).proxy_url_for(url):
        return "a proxy is set in the environment"
    return ""


async def tls_for(url: str, session: Any) -> ssl.SSLContext | None:
    """Return what an https endpoint is trusted by, which is what botocore would trust.

    Raises OSError for a bundle that cannot be read.
    """
    if not url.lower().startswith("https:"):
        return None
    bundle = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    # Reading 150 certificates takes 20 ms and more, too long to hold up all routes.
    return await asyncio.to_thread(ssl.create_default_context, cafile=get_cert_path(bundle or True))
