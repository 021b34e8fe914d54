"""What an operator can do about an error of SQS, by its code.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html#API_SendMessage_Errors
"""

from __future__ import annotations

from typing import Final

IAM_PAGE: Final = "docs/how-to/iam.md"

_QUEUE: Final = "create it, or correct the routing file"
_ACCESS: Final = (
    "the gateway's role needs sqs:GetQueueUrl, GetQueueAttributes, ReceiveMessage, DeleteMessage"
    " and ChangeMessageVisibility here, and SendMessage on a dead-letter queue or the queue of a"
    f" version: {IAM_PAGE}"
)
_REGION: Final = (
    "set AWS_REGION in the environment, or region: on the route; a URL of AWS and an ARN have one"
)
_CREDENTIALS: Final = (
    "check where the credentials come from: the pod's IAM role, or AWS_ACCESS_KEY_ID,"
    " AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
)
_SIGNATURE: Final = "check AWS_SECRET_ACCESS_KEY, AWS_REGION and the clock of the node"
_CLOCK: Final = "check the clock of the node"
_NETWORK: Final = (
    "check the way to SQS: network policy, NAT or VPC endpoint, AWS_REGION, AWS_ENDPOINT_URL_SQS"
)
_PROFILE: Final = "check AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE"
_THROTTLED: Final = "SQS limits the requests; the gateway slows down by itself"

_HINTS: Final = {
    "LocalLimit": "this process is at a limit of its own; see docs/limits.md",
    **dict.fromkeys(("NonExistentQueue", "QueueDoesNotExist"), _QUEUE),
    **dict.fromkeys(("AccessDenied", "AccessDeniedException"), _ACCESS),
    **dict.fromkeys(
        (
            *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken"),
            *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
            *(
                "AuthFailure",
                "InvalidSecurity",
                "MissingAuthenticationToken",
                "MissingAuthenticationTokenException",
            ),
            *("CredentialRetrievalError", "PartialCredentialsError", "OptInRequired"),
        ),
        _CREDENTIALS,
    ),
    **dict.fromkeys(
        ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"), _SIGNATURE
    ),
    **dict.fromkeys(("RequestExpired", "RequestTimeTooSkewed"), _CLOCK),
    **dict.fromkeys(("ProfileNotFound", "ConfigParseError", "ConfigNotFound"), _PROFILE),
    **dict.fromkeys(
        (
            *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError"),
            *("ConnectionClosedError", "ConnectionError", "ProxyConnectionError"),
        ),
        _NETWORK,
    ),
    **dict.fromkeys(
        ("RequestThrottled", "Throttling", "ThrottlingException", "ThrottledException"), _THROTTLED
    ),
    "NoCredentialsError": "give the pod an IAM role, or set AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY",
    "ValueError": "check AWS_REGION, AWS_ENDPOINT_URL_SQS and what the credentials come from",
    "VariableError": "correct it in the environment of the gateway",
    "NoRegionError": _REGION,
    "InvalidRegionError": _REGION,
    "InvalidAddress": "the queue is in another region or account than the request says",
    "OverLimit": "SQS holds no more messages in flight on this queue: other consumers hold them, or"
    " max_in_flight times the replicas is above the limit of SQS",
    "SSLError": "check AWS_CA_BUNDLE, and what is between the gateway and SQS",
}

KMS_THROTTLED: Final = "Throttled"
_KMS_PREFIXES: Final = ("KMS.", "Kms")
_KMS_PAGE: Final = f"{IAM_PAGE}, on keys of encrypted queues"
_KMS_HINTS: Final = {
    "AccessDenied": "the policies of the role and of the queue's KMS key must allow the role"
    " kms:Decrypt, and for a dead-letter queue or the queue of a version kms:GenerateDataKey too",
    "Disabled": "enable the queue's KMS key, or give the queue another one",
    "InvalidState": "the queue's KMS key is not usable, as while it waits for its deletion: cancel"
    " that, or give the queue another one",
    "NotFound": "the queue's KMS key does not exist: give the queue another one",
    "InvalidKeyUsage": "give the queue a symmetric KMS key for encryption and decryption",
    "OptInRequired": "the account has no subscription to KMS",
    KMS_THROTTLED: "KMS limits the requests: raise the queue's KmsDataKeyReusePeriodSeconds, or the"
    " quota of KMS",
}


def hint_for(code: str) -> str:
    """Return what to do about an error with this code; empty where nothing is known.

    KMS's errors have two codes, as `KmsAccessDenied` and `KMS.AccessDeniedException`.
    """
    kind = kms_kind(code)
    if kind is not None:
        what = _KMS_HINTS.get(kind, "check the queue's KMS key")
        return f"{what}: {_KMS_PAGE}"
    return _HINTS.get(code, "")


def kms_kind(code: str) -> str | None:
    """Return an error code of KMS without what its two forms differ by; None for another code."""
    for prefix in _KMS_PREFIXES:
        if code.startswith(prefix):
            kind = code.removeprefix(prefix).removesuffix("Exception")
            return kind.replace("Throttling", KMS_THROTTLED)
    return None
