"""The tokens of MSK's IAM authentication: a signed URL, as AWS's own signer makes it.

Source: https://github.com/aws/aws-msk-iam-sasl-signer-python
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from gateway.core.kafka.msk import region_in
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TOKEN_SECONDS: Final = 900
_SERVICE: Final = "kafka-cluster"
_ACTION: Final = "kafka-cluster:Connect"
_USER_AGENT: Final = "sqs-version-gateway"


def region_of(brokers: Sequence[str], environment: Mapping[str, str] = os.environ) -> str:
    """Return the region of a cluster, by its brokers' names or else by the environment."""
    region = (
        region_in(brokers)
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or ""
    )
    if not region:
        raise SourceError(
            "auth: msk-iam: the region of the cluster is not known", "NoRegion", "set AWS_REGION"
        )
    return region


def make_token(region: str, credentials: Any) -> tuple[str, float]:
    """Return a token and when it expires, in seconds since the epoch."""
    url = f"https://kafka.{region}.amazonaws.com/"
    request = AWSRequest(method="GET", url=url, params={"Action": _ACTION})
    SigV4QueryAuth(credentials, _SERVICE, region, expires=TOKEN_SECONDS).add_auth(request)
    request.params = {"User-Agent": _USER_AGENT}  # after the signature, which leaves it out
    signed = request.prepare().url
    token = urlsafe_b64encode(signed.encode()).decode().rstrip("=")
    signed_at = datetime.strptime(_query(signed, "X-Amz-Date"), "%Y%m%dT%H%M%SZ")  # noqa: DTZ007
    return token, signed_at.replace(tzinfo=UTC).timestamp() + TOKEN_SECONDS


def _query(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


class MskIam:
    """Makes tokens by the credentials that the SDK finds; called by librdkafka's own threads.

    `failure` says why there is no token, empty while there is one.
    """

    def __init__(self, region: str, session: Callable[[], Any] = Session) -> None:
        self.failure = ""
        self._region = region
        self._session = session
        self._credentials: Any = None

    def token(self, _config: str | None = None) -> tuple[str, float]:
        """Return a new token and when it expires; raises SourceError without credentials."""
        try:
            token = make_token(self._region, self._current())
        except (BotoCoreError, SourceError) as error:
            self.failure = str(error)
            self._credentials = None  # it is searched again
            if isinstance(error, SourceError):
                raise
            raise _no_credentials(self.failure) from None
        self.failure = ""
        return token

    def _current(self) -> Any:
        if self._credentials is None:
            self._credentials = self._session().get_credentials()
        if self._credentials is None:
            raise _no_credentials("none were found")
        return self._credentials.get_frozen_credentials()


def _no_credentials(why: str) -> SourceError:
    return SourceError(
        f"auth: msk-iam: no AWS credentials: {why}",
        "NoCredentials",
        "give the gateway a role: see docs/how-to/iam.md",
    )
