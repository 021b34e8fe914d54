"""What SQS calls are signed with: one set for all clients, looked for anew once SQS refuses it.

botocore keeps credentials until their stated end, whatever SQS says of them: a revoked session, a
clock that is wrong or a rewritten credentials file would mean refusals until a restart.
Sources: https://github.com/boto/botocore/issues/3480,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import get_session
from botocore.exceptions import CredentialRetrievalError

from gateway.adapters.sqs.responses import short_code
from gateway.adapters.sqs.signing import SIGNED_WITH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

ASK_SECONDS: Final = 2.0
"""How long an answer of the SDK is used before it is asked again: it may call STS each time."""

REFUSED_SECONDS: Final = 3.0
DENIED_SECONDS: Final = 60.0
PAUSES: Final = {
    **dict.fromkeys(("AccessDenied", "AccessDeniedException"), DENIED_SECONDS),
    **dict.fromkeys(
        (
            *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
            *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
            *("InvalidSecurity", "InvalidToken", "AuthFailure", "IncompleteSignature"),
            *("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
            *("SignatureDoesNotMatch", "InvalidSignatureException"),
        ),
        REFUSED_SECONDS,
    ),
}
"""The least time between two looks for other credentials, by SQS's word.

Denied ones are seldom at fault, but that is also what SQS says of a session that was revoked:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

# It would log a trace for each try of a refresh that fails; what matters of that is said here.
logging.getLogger("aiobotocore.credentials").setLevel(logging.ERROR)


async def walk_the_chain(region: str | None) -> Any:
    """Return what the SDK's chain finds with nothing remembered; None where there is nothing."""
    session = get_session()
    if region:
        session.set_config_variable("region", region)  # that of STS
    return await session.get_credentials()


class SharedCredentials(AioCredentials):  # type: ignore[misc]  # aiobotocore ships no types
    """Credentials as aiobotocore's signers take them; also a `credential_provider` of a session.

    Whoever asks while others are being looked for gets those that are there: they may be good for
    minutes yet, and a call that hangs must not hang all.
    """

    def __init__(
        self,
        find: Callable[[str | None], Awaitable[Any]] = walk_the_chain,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("", "", method="gateway")  # signers ask for the frozen ones alone
        self.region: str | None = None
        self._find, self._clock = find, clock
        self._source: Any = None
        self._current: Any = None
        self._ask_at, self._looked_at = 0.0, -math.inf
        self._failure = ""
        self._asking = asyncio.Lock()
        self._log = structlog.stdlib.get_logger("gateway.credentials")

    async def load_credentials(self) -> SharedCredentials:
        """Return itself: the SDK asks for an account's credentials once, and keeps them."""
        return self

    def current(self) -> Any:
        """Return the present ones where nothing has to be asked for, else None."""
        if self._current is not None and (not self._due() or self._asking.locked()):
            return self._current
        return None

    async def get_frozen_credentials(self) -> Any:
        """Return the present ones, None if there are none; raises CredentialRetrievalError."""
        current = self.current()
        if current is not None:
            return current
        async with self._asking:
            if self._due():
                await self._ask()
        if self._current is None and self._failure:
            raise CredentialRetrievalError(provider="the chain", error_msg=self._failure)
        return self._current

    def on_error(self, access_key: str | None, code: str) -> None:
        """Take note of what SQS said of a call that was signed with this key."""
        pause = PAUSES.get(code)
        if pause is None or self._current is None or access_key != self._current.access_key:
            return
        now = self._clock()
        if self._source is not None and now >= self._looked_at + pause:
            self._looked_at = self._ask_at = now
            self._source = None

    def _due(self) -> bool:
        return self._clock() >= self._ask_at

    async def _ask(self) -> None:
        before, failure = self._current, self._failure
        try:
            found = await self._found()
        except Exception as error:  # noqa: BLE001 - from files, processes, STS, metadata: anything
            self._failure = str(error) or type(error).__name__
        else:
            self._failure = ""
            self._current = found or before
        waits_longer = self._failure and self._current is not None
        self._ask_at = self._clock() + (REFUSED_SECONDS if waits_longer else ASK_SECONDS)
        self._tell(before, failure)

    async def _found(self) -> Any:
        if self._source is None:
            self._source = await self._find(self.region)
        return None if self._source is None else await self._source.get_frozen_credentials()

    def _tell(self, before: Any, failure: str) -> None:
        """Say a change of state once; never a key."""
        if self._failure and not failure:
            self._log.warning("credentials cannot be had", why=self._failure)
        elif failure and not self._failure:
            self._log.info("credentials can be had again")
        elif before is not None and before != self._current:
            self._log.info("other credentials are in use")


def hear_refusals(credentials: SharedCredentials) -> Callable[..., None]:
    """Return a hook for botocore's `after-call.sqs` that tells of calls SQS would not take."""

    def hear(
        http_response: Any, parsed: Mapping[str, Any], context: Mapping[str, Any], **_: object
    ) -> None:
        if http_response.status_code >= 400:  # noqa: PLR2004 - HTTP's own line
            code = short_code(str(parsed.get("Error", {}).get("Code", "")))
            credentials.on_error(context.get(SIGNED_WITH), code)

    return hear
