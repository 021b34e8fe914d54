"""The AWS variables of the environment: line ends and blanks that came with a value by accident.

Without a word of its own such a value fails as a bad header, a missing file, or a queue that is not
there.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

from botocore.httpsession import get_cert_path

from gateway.core.stray_blanks import blank_inside, blanks_around, strip_blanks

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

PREFIX: Final = "AWS_"
OTHERS: Final = ("REQUESTS_CA_BUNDLE",)
WITHOUT_BLANKS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ROLE_ARN",
)
"""Paths and the names of profiles may have blanks inside, these may not."""


class VariableError(ValueError):
    """A variable of the environment cannot be used; `str()` begins with its name."""


def clean_environment(environ: MutableMapping[str, str]) -> Iterator[str]:
    """Strip the AWS variables in place; yield a sentence for each that was not clean.

    No sentence has a value in it.
    """
    for name in sorted(environ):
        if not (name.startswith(PREFIX) or name in OTHERS):
            continue
        value = environ[name]
        stripped = strip_blanks(value)
        if value and not stripped:
            del environ[name]
            yield f"{name} has nothing but blanks in it; it counts as not set"
        elif stripped != value:
            environ[name] = stripped
            yield f"{name} has {blanks_around(value)}; it is used without"
        inside = blank_inside(stripped) if name in WITHOUT_BLANKS else ""
        if inside:
            yield f"{name} has {inside} inside, so it cannot be right"


def region_from(environ: MutableMapping[str, str]) -> str | None:
    """Return the region of the environment; raises VariableError for one that cannot be right.

    Unlike other SDKs, botocore reads only AWS_DEFAULT_REGION; EKS and ECS set AWS_REGION.
    """
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        region = environ.get(name)
        if region:
            inside = blank_inside(region)
            if inside:
                raise VariableError(f"{name}: {region!r} has {inside} inside")
            return region if name == "AWS_REGION" else None
    return None


def check_keys(keys: Any, method: str) -> None:
    """Raise VariableError where (frozen) credentials have a character that no header may have."""
    from_environment = method == "env"
    for variable, member, value in (
        ("AWS_ACCESS_KEY_ID", "access key", keys.access_key),
        ("AWS_SECRET_ACCESS_KEY", "secret key", keys.secret_key),
        ("AWS_SESSION_TOKEN", "session token", keys.token or ""),
    ):
        if not all("!" <= character <= "~" for character in value):
            name = variable if from_environment else f"{member} (from {method})"
            what = blank_inside(value) or "a character that is no visible ASCII"
            raise VariableError(f"{name}: has {what} in it")


def name_of(path: object, environ: MutableMapping[str, str]) -> str:
    """Return the AWS variable that has this path as its value; empty where none has."""
    return next((name for name in sorted(environ) if environ[name] == path), "")


def load_authorities(session: Any, environ: MutableMapping[str, str]) -> ssl.SSLContext:
    """Return a context with the authorities that botocore would trust.

    Raises VariableError, with the name of what gave the file, where it cannot be read.
    """
    name, bundle = _bundle(session, environ)
    try:
        return ssl.create_default_context(cafile=get_cert_path(bundle or True))
    except OSError as error:  # an SSLError is one: no certificate in it, say
        if not bundle:
            raise
        raise VariableError(f"{name}: {bundle}: {error.strerror or error}") from error


def has_own_authorities(session: Any, environ: MutableMapping[str, str]) -> bool:
    """Whether a file of authorities is set."""
    return bool(_bundle(session, environ)[1])


def _bundle(session: Any, environ: MutableMapping[str, str]) -> tuple[str, str]:
    bundle = session.get_config_variable("ca_bundle")
    if bundle:
        name = "AWS_CA_BUNDLE" if environ.get("AWS_CA_BUNDLE") else "ca_bundle of the AWS profile"
        return name, bundle
    return "REQUESTS_CA_BUNDLE", environ.get("REQUESTS_CA_BUNDLE", "")
