"""Who gives out credentials for a token: STS, and the agent of EKS Pod Identity."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web
from botocore.credentials import ReadOnlyCredentials

from tests.integration.children import LOOPBACK
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.loop_thread import LoopThread

EARLY_SECONDS = 15 * 60
"""So long before their end botocore looks for new ones."""

_STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult>
<AssumedRoleUser><AssumedRoleId>A:x</AssumedRoleId>
<Arn>arn:aws:sts::123456789012:assumed-role/gateway/x</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>
<SessionToken>{token}</SessionToken><Expiration>{end}</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""

_STS_ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>InvalidIdentityToken</Code>
<Message>The token is not accepted any more</Message></Error></ErrorResponse>"""


class Issuer:
    """Takes one token; each request gets new credentials that live for `lives_seconds`.

    `valid` are those that nobody has revoked, by access key.
    """

    def __init__(self, name: str, token_file: Path, thread: LoopThread) -> None:
        self._name, self._file, self._thread = name, token_file, thread
        self.token, self._tokens = "", 0
        self.lives_seconds = 3600.0
        self.issued: list[ReadOnlyCredentials] = []
        self.valid: dict[str, ReadOnlyCredentials] = {}
        self.refusals = 0
        self.replace_token()
        self._runner: web.AppRunner | None = None
        self.url = thread.run(self._start())

    def replace_token(self, *, in_file: bool = True) -> None:
        """Take only another token from now on; the file has it too, unless that comes later."""
        self._tokens += 1
        self.token = f"{self._name}-token-{self._tokens}"
        if in_file:
            self.write_token()

    def write_token(self) -> None:
        """Put the token that is taken where the gateway looks for it."""
        new = self._file.with_suffix(".new")
        new.write_text(self.token)
        new.rename(self._file)

    def wait_for(self, count: int) -> ReadOnlyCredentials:
        """Return the latest credentials once so many have been given out."""
        until(lambda: len(self.issued) >= count, f"{count} credentials to be given out")
        return self.issued[-1]

    def revoke_all_but(self, keys: ReadOnlyCredentials) -> None:
        """End all other sessions."""
        for access_key in set(self.valid) - {keys.access_key}:
            del self.valid[access_key]

    def close(self) -> None:
        """Listen no more."""
        assert self._runner is not None
        self._thread.run(self._runner.cleanup())

    async def _start(self) -> str:
        application = web.Application()
        application.router.add_post("/", self._sts)
        application.router.add_get("/v1/credentials", self._agent)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        return f"http://{LOOPBACK}:{self._runner.addresses[0][1]}"

    async def _sts(self, request: web.Request) -> web.Response:
        """AssumeRoleWithWebIdentity."""
        if (await request.post()).get("WebIdentityToken") != self.token:
            self.refusals += 1
            return web.Response(status=400, text=_STS_ERROR, content_type="text/xml")
        key, secret, token, _ = self._next()
        text = _STS.format(key=key, secret=secret, token=token, end=self._end())
        return web.Response(text=text, content_type="text/xml")

    async def _agent(self, request: web.Request) -> web.Response:
        """Give the container's credentials."""
        if request.headers.get("Authorization") != self.token:
            self.refusals += 1
            return web.Response(status=403, text="no such token")
        key, secret, token, _ = self._next()
        given = {"AccessKeyId": key, "SecretAccessKey": secret, "Token": token}
        text = json.dumps({**given, "Expiration": self._end()})
        return web.Response(text=text, content_type="application/json")

    def _next(self) -> ReadOnlyCredentials:
        number = len(self.issued) + 1
        made = ReadOnlyCredentials(
            f"ASIA{self._name}{number}", f"secret/{number}+", f"session/{number}=="
        )
        self.issued.append(made)
        self.valid[made.access_key] = made
        return made

    def _end(self) -> str:
        end = datetime.now(UTC) + timedelta(seconds=self.lives_seconds)
        return end.isoformat(timespec="seconds").replace("+00:00", "Z")
