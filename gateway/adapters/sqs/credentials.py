"""The credentials of SQS calls: one set for all clients, searched again once SQS rejects it.

botocore keeps credentials until they expire, even where SQS rejects them: after a revoked session,
a wrong clock or a rewritten credentials file all calls would fail until a restart.
Sources: https://github.com/boto/botocore/issues/3480,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import get_session
from botocore.exceptions import CredentialRetrievalError

from gateway.adapters.sqs.environment import check_keys, name_of
from gateway.adapters.sqs.responses import short_code
from gateway.adapters.sqs.signing import SIGNED_WITH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

ASK_SECONDS: Final = 2.0
"""How long the SDK's credentials are used before it is asked again: it may call STS each time."""

REJECTED_SECONDS: Final = 3.0
DENIED_SECONDS: Final = 60.0
SEARCH_SECONDS: Final = {
    **dict.fromkeys(("AccessDenied", "AccessDeniedException"), DENIED_SECONDS),
    **dict.fromkeys(
        (
            *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
            *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
            *("InvalidSecurity", "InvalidToken", "AuthFailure", "IncompleteSignature"),
            *("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
            *("SignatureDoesNotMatch", "InvalidSignatureException"),
        ),
        REJECTED_SECONDS,
    ),
}
"""The least time between two searches for other credentials, by the error code of SQS.

Denied access is seldom the fault of the credentials, but it is also the code for a session that was
revoked:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

# It would log a traceback for each refresh that fails; this module logs the failure once.
logging.getLogger("aiobotocore.credentials").setLevel(logging.ERROR)


async def find_credentials(region: str | None) -> Any:
    """Run the SDK's credential provider chain in a new session; None where it finds nothing."""
    session = get_session()
    if region:
        session.set_config_variable("region", region)  # for calls to STS
    return await session.get_credentials()


class SharedCredentials(AioCredentials):  # type: ignore[misc]  # aiobotocore ships no types
    """Credentials for aiobotocore's signers; also the `credential_provider` of a session.

    While a search is under way the present credentials are used: they may be valid for minutes, and
    a search that hangs must not hang all calls.
    """

    def __init__(
        self,
        find: Callable[[str | None], Awaitable[Any]] = find_credentials,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("", "", method="gateway")  # signers only ask for the frozen ones
        self.region: str | None = None
        self._find = find
        self._clock = clock
        self._source: Any = None
        self._current: Any = None
        self._ask_at = 0.0
        self._searched_at = -math.inf
        self._failure = ""
        self._asking = asyncio.Lock()
        self._log = structlog.stdlib.get_logger("gateway.credentials")

    async def load_credentials(self) -> SharedCredentials:
        """Return itself, once: the SDK keeps the object."""
        return self

    def current(self) -> Any:
        """Return the present credentials; None where the SDK has to be asked first."""
        if self._current is not None and (not self._due() or self._asking.locked()):
            return self._current
        return None

    async def get_frozen_credentials(self) -> Any:
        """Return the present credentials; None if there are none.

        Raises CredentialRetrievalError where the search fails.
        """
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
        """Search again where the error code of a call, signed with this key, says so."""
        interval = SEARCH_SECONDS.get(code)
        if interval is None or self._current is None or access_key != self._current.access_key:
            return
        now = self._clock()
        if self._source is not None and now >= self._searched_at + interval:
            self._searched_at = now
            self._ask_at = now
            self._source = None

    def _due(self) -> bool:
        return self._clock() >= self._ask_at

    async def _ask(self) -> None:
        before = self._current
        failure = self._failure
        try:
            found = await self._found()
        except Exception as error:  # noqa: BLE001 - files, processes, STS or instance metadata fail
            self._failure = _explain(error)
        else:
            self._failure = ""
            self._current = found or before
        failed = self._failure and self._current is not None
        self._ask_at = self._clock() + (REJECTED_SECONDS if failed else ASK_SECONDS)
        self._log_change(before, failure)

    async def _found(self) -> Any:
        if self._source is None:
            self._source = await self._find(self.region)
        if self._source is None:
            return None
        keys = await self._source.get_frozen_credentials()
        if keys is not None:
            check_keys(keys, getattr(self._source, "method", "the chain"))
        return keys

    def _log_change(self, before: Any, failure: str) -> None:
        """Log a change of state once; never a key."""
        if self._failure and not failure:
            self._log.warning("credentials cannot be had", why=self._failure)
        elif failure and not self._failure:
            self._log.info("credentials can be had again")
        elif before is not None and before != self._current:
            self._log.info("other credentials are in use")


def _explain(error: Exception) -> str:
    """Return what is wrong, with the name of the variable that gave a file."""
    text = str(error) or type(error).__name__
    name = name_of(error.filename, os.environ) if isinstance(error, OSError) else ""
    return f"{name}: {text}" if name else text


def make_error_hook(credentials: SharedCredentials) -> Callable[..., None]:
    """Return a hook for botocore's `after-call.sqs`, which reports errors to `credentials`."""

    def report(
        http_response: Any, parsed: Mapping[str, Any], context: Mapping[str, Any], **_: object
    ) -> None:
        if http_response.status_code >= 400:  # noqa: PLR2004 - client and server errors
            code = short_code(str(parsed.get("Error", {}).get("Code", "")))
            credentials.on_error(context.get(SIGNED_WITH), code)

    return report
