"""Signature Version 4 for a POST of JSON bytes to `/`, which every SQS call is.

botocore's signer builds header objects twice for each request and derives the day's key each time
(what that costs: docs/adr/0010-a-native-sqs-client.md). It still signs any other request.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth
from botocore.compat import get_current_datetime

SIGNATURE_VERSION: Final = "gateway-v4"
SIGNED_WITH: Final = "gateway_access_key"
"""The key of a request's context under which its access key is kept."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class JsonPostSigner(SigV4Auth):  # type: ignore[misc]  # botocore ships no types
    """A signer of botocore, which makes one for each request, with the current credentials."""

    def add_auth(self, request: Any) -> None:
        """Sign; raises botocore's NoCredentialsError as the original does."""
        if self.credentials is not None:
            request.context[SIGNED_WITH] = self.credentials.access_key
        host = host_of(request.url)
        plain = request.method == "POST" and isinstance(request.body, bytes)
        if host is None or not plain or self.credentials is None:
            super().add_auth(request)
            return
        now = get_current_datetime().strftime("%Y%m%dT%H%M%SZ")
        headers = request.headers
        for name, value in self._own_headers(now).items():
            if name in headers:  # from an earlier try
                del headers[name]
            headers[name] = value
        signed = _signed(headers, host)
        names = ";".join(signed)
        scope = f"{now[:8]}/{self._region_name}/{self._service_name}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{_canonical_hash(signed, names, request.body)}"
        key = day_key(self.credentials.secret_key, now[:8], self._region_name, self._service_name)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        del headers["Authorization"]
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )

    def _own_headers(self, now: str) -> dict[str, str]:
        own = {"X-Amz-Date": now}
        if self.credentials.token:
            own["X-Amz-Security-Token"] = self.credentials.token
        return own


AUTH_TYPE_MAPS[SIGNATURE_VERSION] = JsonPostSigner


def _signed(headers: Any, host: str) -> dict[str, str]:
    """Return the headers to sign, by lower-case name: host, content-type and x-amz-*."""
    found = {"host": host}
    for name, value in headers.items():
        folded = name.lower()
        if folded.startswith("x-amz") or folded == "content-type":
            text = value.decode() if isinstance(value, bytes) else value
            found[folded] = " ".join(text.split())
    return dict(sorted(found.items()))


def _canonical_hash(signed: dict[str, str], names: str, body: bytes) -> str:
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    payload = hashlib.sha256(body).hexdigest()
    return hashlib.sha256(f"POST\n/\n\n{lines}\n{names}\n{payload}".encode()).hexdigest()


@lru_cache(maxsize=64)
def host_of(url: str) -> str | None:
    """Return the Host header of a plain endpoint; None where the URL has a path or a query."""
    parts = urlsplit(url)
    if parts.path not in ("", "/") or parts.query:
        return None
    port = parts.port
    usual = port is None or port == _DEFAULT_PORTS.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if usual else f"{host}:{port}"


@lru_cache(maxsize=64)
def day_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the key that a day's requests are signed with."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
