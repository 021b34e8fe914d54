"""Which proxy leads to a URL, by the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from gateway.adapters.http.request import RequestHead


def proxy_for(place: RequestHead) -> str | None:
    """Return the proxy's URL, or None where the way is direct.

    NO_PROXY names hosts, domains, addresses and networks (10.0.0.0/8), as curl and Go read it.
    """
    proxies = getproxies()
    proxy = proxies.get("https" if place.tls else "http") or proxies.get("all")
    if not proxy or proxy_bypass(f"{place.host}:{place.port}"):
        return None
    if any(_within(place.host, part.strip()) for part in proxies.get("no", "").split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _within(host: str, network: str) -> bool:
    try:
        return "/" in network and ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
