"""An SQS that looks at who asks: it checks signatures and permissions in front of the emulator."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from tests.integration.children import LOOPBACK
from tests.integration.waiting import until
from tools.emulator.errors import FRAMEWORK, SqsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.loop_thread import LoopThread

Keys = dict[str, ReadOnlyCredentials]

EXPIRED: Final = SqsError(
    FRAMEWORK + "ExpiredTokenException",
    "ExpiredToken",
    "The security token included in the request is expired",
    status=403,
)
UNKNOWN_KEY: Final = SqsError(
    FRAMEWORK + "UnrecognizedClientException",
    "InvalidClientTokenId",
    "The security token included in the request is invalid.",
    status=403,
)
DENIED: Final = SqsError(
    FRAMEWORK + "AccessDeniedException",
    "AccessDenied",
    "User: arn:aws:sts::123456789012:assumed-role/gateway/x is not authorized to perform: sqs:x",
    status=403,
)
WRONG_SIGNATURE: Final = SqsError(
    FRAMEWORK + "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
    status=403,
)


@dataclass(frozen=True)
class Call:
    """One call: what for, on which queue, signed with which key for which region, and the error."""

    operation: str
    queue: str
    access_key: str
    region: str
    refusal: str


class SqsFront:
    """Passes on what is signed with one of `keys` (any, where they are None) and not denied."""

    def __init__(self, upstream: str, thread: LoopThread) -> None:
        self.keys: Keys | None = None
        self.refusal = EXPIRED
        self.denied: set[tuple[str, str]] = set()
        self._calls: list[Call] = []
        self._upstream, self._thread = upstream, thread
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.url = thread.run(self._start())

    def deny(self, queue: str, *operations: str) -> None:
        """Take these permissions on a queue away; no operations give all back."""
        kept = {each for each in self.denied if each[0] != queue}
        self.denied = kept | {(queue, operation) for operation in operations}

    def calls(self, queue: str, **like: str) -> list[Call]:
        """Return the calls on a queue so far; `like` has members of Call.

        A `refusal` of "" means those that were passed on.
        """
        wanted = {"queue": queue, **like}.items()
        return [call for call in list(self._calls) if wanted <= asdict(call).items()]

    def wait_for(self, count: int, queue: str, **like: str) -> list[Call]:
        """Return such calls once there are so many more than now."""
        before = len(self.calls(queue, **like))
        until(
            lambda: len(self.calls(queue, **like)) >= before + count,
            f"{count} more calls like {like} on {queue}",
        )
        return self.calls(queue, **like)[before:]

    def close(self) -> None:
        """Listen no more."""
        self._thread.run(self._stop())

    async def _start(self) -> str:
        self._session = aiohttp.ClientSession(self._upstream, auto_decompress=False)
        application = web.Application(client_max_size=2**21)
        application.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        return f"http://{LOOPBACK}:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._session.close()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        asked = json.loads(body)
        queue = asked.get("QueueName") or asked["QueueUrl"].rpartition("/")[2]
        scope = _authorization(request.headers)["Credential"].split("/")
        error = self._error(request, body, scope[0], (queue, operation))
        code = error.code if error else ""
        self._calls.append(Call(operation, queue, scope[0], scope[2], code))
        return await self._passed_on(request, body) if error is None else _refused(error)

    def _error(
        self, request: web.Request, body: bytes, access_key: str, what: tuple[str, str]
    ) -> SqsError | None:
        if self.keys is not None:
            known = self.keys.get(access_key)
            if known is None or request.headers.get("X-Amz-Security-Token") != known.token:
                return self.refusal
            if not _is_signed_by(known, request, body):
                return WRONG_SIGNATURE
        return DENIED if what in self.denied else None

    async def _passed_on(self, request: web.Request, body: bytes) -> web.Response:
        assert self._session is not None
        names = ("Host", "X-Amz-Target", "Content-Type")
        headers = {name: request.headers[name] for name in names}
        async with self._session.post(request.path, data=body, headers=headers) as answer:
            told = {"x-amzn-query-error": answer.headers.get("x-amzn-query-error", "")}
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                content_type="application/x-amz-json-1.0",
                headers=told if told["x-amzn-query-error"] else {},
            )


def _refused(error: SqsError) -> web.Response:
    return web.Response(
        status=error.status,
        text=json.dumps(error.body()),
        content_type="application/x-amz-json-1.0",
        headers={"x-amzn-query-error": error.query_error},
    )


def _authorization(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the members of a SigV4 header."""
    members = headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    return dict(member.split("=", 1) for member in members)


def _is_signed_by(keys: ReadOnlyCredentials, request: web.Request, body: bytes) -> bool:
    """Reckon the signature as AWS does, by botocore's own hand."""
    told = _authorization(request.headers)
    signed = {name: request.headers[name] for name in told["SignedHeaders"].split(";")}
    again = AWSRequest("POST", str(request.url), headers=signed, data=body)
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    scope = told["Credential"].split("/")
    signer = SigV4Auth(keys, scope[3], scope[2])
    text = signer.string_to_sign(again, signer.canonical_request(again))
    return bool(signer.signature(text, again) == told["Signature"])


def keys_of(*keys: ReadOnlyCredentials) -> Keys:
    """Return keys by their access key."""
    return {each.access_key: each for each in keys}
