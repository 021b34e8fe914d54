"""Renders signed requests: AWS JSON 1.0, Signature Version 4. Pure but for the clock.

Parts are rendered once: for an endpoint, for a second, for an operation.
Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from gateway import __version__
from gateway.adapters.sqs.signing import day_key

if TYPE_CHECKING:
    from collections.abc import Callable

# As botocore sends. The query mode asks for the error codes that SQS had before JSON.
_HEADERS: Final = {
    "content-type": "application/x-amz-json-1.0",
    "x-amzn-query-mode": "true",
}

_BLOCK_BYTES: Final = 64


class SignedRequests:
    """Renders POSTs to `/` of one host, signed for one region.

    `target` is the JSON protocol's name of an operation, `AmazonSQS.ReceiveMessage`. Raises
    ValueError for credentials that cannot be part of a header.
    """

    def __init__(
        self,
        host: str,
        region: str,
        service: str = "sqs",
        headers: dict[str, str] = _HEADERS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._headers = {"host": host, **headers}
        self._region = region
        self._service = service
        self._clock = clock
        self._keys: Any = None
        self._second = -1
        self._sign = _hmac_with(b"")
        self._to_sign = ""
        self._authorization = ""
        self._shared: dict[str, tuple[bytes, bytes, bytes]] = {}
        self._repeated: dict[tuple[str, bytes], bytes] = {}

    def render_repeated(self, target: str, body: bytes, keys: Any) -> bytes:
        """Render a request that is often the same within a second, as receives are."""
        if int(self._clock()) == self._second and keys is self._keys:
            request = self._repeated.get((target, body))
            if request is not None:
                return request
        request = self.render(target, body, keys)
        self._repeated[target, body] = request
        return request

    def render(self, target: str, body: bytes, keys: Any) -> bytes:
        """Return the whole request, signed with these (frozen) credentials at this moment."""
        second = int(self._clock())
        if second != self._second or keys is not self._keys:
            self._start_second(second, keys)
        canonical, head, names = self._shared.get(target) or self._render_shared(target)
        payload = sha256(body).hexdigest().encode()
        text = self._to_sign + sha256(canonical + payload).hexdigest()
        signature = self._sign(text.encode())
        return b"%b%b\r\ncontent-length: %d\r\n\r\n%b" % (
            head, names + signature, len(body), body,
        )  # fmt: skip

    def _start_second(self, second: int, keys: Any) -> None:
        """Render what the requests of a second share."""
        token = keys.token or ""
        if not all(map(_visible, (keys.access_key, token or "-"))):
            raise ValueError("the credentials hold a character that no header may have")
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        day = moment[:8]
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        self._sign = _hmac_with(day_key(keys.secret_key, day, self._region, self._service))
        self._to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n"
        self._authorization = f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}"
        self._dated = {"x-amz-date": moment, **({"x-amz-security-token": token} if token else {})}
        self._second = second
        self._keys = keys
        self._shared.clear()
        self._repeated.clear()

    def _render_shared(self, target: str) -> tuple[bytes, bytes, bytes]:
        """Render what the requests of a second share that are for one operation.

        Returns the canonical request up to the payload's hash, the head up to the names of the
        signed headers, and those names.
        """
        targeted = {"x-amz-target": target} if target else {}
        signed = dict(sorted({**self._headers, **self._dated, **targeted}.items()))
        names = ";".join(signed)
        lines = "".join([f"{name}:{value}\n" for name, value in signed.items()])
        sent = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
        head = (
            f"POST / HTTP/1.1\r\nuser-agent: sqs-version-gateway/{__version__}\r\n"
            f"accept-encoding: identity\r\n{sent}authorization: {self._authorization}, "
        )
        shared = (
            f"POST\n/\n\n{lines}\n{names}\n".encode(),
            head.encode(),
            f"SignedHeaders={names}, Signature=".encode(),
        )
        self._shared[target] = shared
        return shared


def _hmac_with(key: bytes) -> Callable[[bytes], bytes]:
    """Return HMAC-SHA256 (RFC 2104), in hexadecimal digits, with a key of up to 64 bytes.

    `hmac.digest` would hash the key again for each text.
    """
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block))
    outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def sign(text: bytes) -> bytes:
        inner_hash = inner.copy()
        inner_hash.update(text)
        outer_hash = outer.copy()
        outer_hash.update(inner_hash.digest())
        return outer_hash.hexdigest().encode()

    return sign


def _visible(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)
