"""Settings: `GATEWAY_*` in the environment, fixed for the life of the process.

Pydantic reads annotations at run time, so this module does without `from __future__ import
annotations`.
"""

import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.config.problems.findings import InvalidValue, find_similar, quote
from gateway.config.problems.problem import Problem, ProblemsFound
from gateway.config.schema.fields import MAX_PORT, Checked, one_of
from gateway.config.state_place import read_state_place
from gateway.core.stray_blanks import blanks_around, strip_blanks

PREFIX: Final = "GATEWAY_"
ENVIRONMENT: Final = "environment"
COMMAND_LINE: Final = "command line"
PORT_DIGITS: Final = 5
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


def _path(value: Any) -> Path:
    if not strip_blanks(str(value)) or "\0" in str(value):
        raise InvalidValue("is not a path")
    if "\n" in str(value) or "\r" in str(value):
        raise InvalidValue("has a line end inside")
    return Path(value)


def _host(value: Any) -> str:
    host = str(value)
    if not host.isprintable() or any(map(str.isspace, host)):
        hint = "leave it empty for every address of IPv4 and IPv6"
        raise InvalidValue("is not a host name or address", hint)
    return host


def _port(value: Any) -> int:
    written = str(value)
    digits = written.isascii() and written.isdecimal() and len(written) <= PORT_DIGITS
    if not digits or int(written) > MAX_PORT:
        what = f"must be a port, 0 to {MAX_PORT}, but is {quote(written)}"
        raise InvalidValue(what, _injected(written))
    return int(written)


def _injected(written: str) -> str:
    """Return a hint where a value like tcp://10.0.0.1:80 comes from.

    Source: https://kubernetes.io/docs/tutorials/services/connect-applications-service/
    """
    if not written.startswith(("tcp://", "udp://", "sctp://")):
        return ""
    return (
        "Kubernetes sets such names for a Service whose name begins with `gateway`: rename it, or "
        "set enableServiceLinks: false"
    )


def _token(value: Any) -> SecretStr:
    """Return the token; no problem repeats it."""
    token = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if not token.isascii() or not all("!" <= character <= "~" for character in token):
        raise InvalidValue(
            "must be visible ASCII without spaces or line breaks",
            "often it is a line break at its end",
        )
    return SecretStr(token)


def _switch(value: Any) -> bool:
    return bool(one_of(str, "true", "false").read(str(value).lower()) == "true")


def _level(value: Any) -> Any:
    return one_of(str, *LOG_LEVELS).read(str(value).upper())


def _drain(value: Any) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidValue(f"must be a number of seconds, 0 or more, but is {quote(str(value))}")
    return seconds


def switch(value: Any) -> bool:
    """Return what `true` or `false`, `1` or `0`, in any case, means."""
    written = str(value).lower()
    if written not in {"true", "false", "1", "0"}:
        raise InvalidValue(f"must be true or false, but is {quote(str(value))}")
    return written in {"true", "1"}


def _log_format() -> Literal["text", "json"]:
    return "text" if sys.stderr and sys.stderr.isatty() else "json"


class Settings(BaseSettings):
    """The settings of the process. AWS is configured as for every AWS SDK."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=False,
    )

    config: Annotated[Path | None, Checked(_path, {"type": "string"})] = Field(
        default=None, description="The routing file."
    )
    admin_host: Annotated[str, Checked(_host, {"type": "string"})] = Field(
        default="",
        description="The host name or address that the admin port listens on. Empty, or `::`: "
        "every address of IPv4 and IPv6; `0.0.0.0`: of IPv4 alone.",
    )
    admin_port: Annotated[int, Checked(_port, {"type": "integer"})] = Field(
        default=8080, description="The admin port; 0 takes any free one."
    )
    admin_token: Annotated[SecretStr | None, Checked(_token, {"type": "string"})] = Field(
        default=None,
        description="The bearer token of requests that change something; without it only "
        "loopback may send them.",
    )
    admin_protect_reads: Annotated[bool, Checked(_switch, {"type": "boolean"})] = Field(
        default=False,
        description="`true`: reading asks for the token too, as changing does; not `/healthz`, "
        "`/readyz`, `/metrics`, Flagger's webhooks and the page of the dashboard.",
    )
    admin_protect_metrics: Annotated[bool, Checked(_switch, {"type": "boolean"})] = Field(
        default=False, description="`true`: `/metrics` asks for the token too."
    )
    log_level: Annotated[str, Checked(_level, {"enum": [*LOG_LEVELS]})] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR, in any case."
    )
    log_format: Annotated[Literal["text", "json"], one_of(str, "text", "json")] = Field(
        default_factory=_log_format,
        description="`text` or `json`; default text on a terminal, else json.",
    )
    drain_seconds: Annotated[float, Checked(_drain, {"type": "number", "minimum": 0})] = Field(
        default=25.0,
        description="How long a soft stop waits for deliveries that are under way, in seconds.",
    )
    sqs_client: Annotated[
        Literal["native", "aiobotocore"], one_of(str, "native", "aiobotocore")
    ] = Field(
        default="native",
        description="The client that receives, deletes, extends, and sends to the queues of "
        "versions: `native`, the gateway's own, or `aiobotocore`, the SDK, at a multiple of the "
        "CPU. All other calls, and queues behind a proxy, use the SDK in any case.",
    )
    allow_link_local: Annotated[bool, Checked(switch, {"type": "boolean"})] = Field(
        default=False,
        description="Whether a version's URL may be a link-local or metadata address "
        "(169.254.0.0/16, fe80::/10, fd00:ec2::/32): true or false.",
    )
    state: Annotated[str, Checked(read_state_place, {"type": "string"})] = Field(
        default="memory",
        description="Where rollouts, and weights set by hand, are kept: `memory` (as long as the "
        "process), `file:PATH` (one gateway) or `kubernetes:NAME` (a ConfigMap and a Lease of that "
        "name, which all replicas share).",
    )
    tcp_keepalive: Annotated[bool, Checked(switch, {"type": "boolean"})] = Field(
        default=True,
        description="Whether silent connections to services and SQS are probed, so that a host "
        "that has vanished is noticed within 90 s: true or false.",
    )


def load_settings(overrides: Mapping[str, object]) -> Settings:
    """Return the settings; an override (a command-line flag) wins unless it is None.

    Raises ProblemsFound with every problem.
    """
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    cleaned = {name: strip_blanks(value) for name, value in _unclean(os.environ).items()}
    try:
        return Settings(**{**cleaned, **given})
    except ValidationError as error:
        raise ProblemsFound(_problems(error, given)) from None


STRIPPED: Final = ("config", "admin_host")
"""Settings that lose what is around them; the readers of the others refuse it, or allow it."""


def _unclean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the values to be stripped, by setting; what is nothing but blanks is refused later."""
    values = {name.lower(): value for name, value in environment.items()}
    found = {name: values.get(PREFIX.lower() + name, "") for name in STRIPPED}
    return {
        name: value for name, value in found.items() if blanks_around(value) and strip_blanks(value)
    }


def _problems(error: ValidationError, given: Mapping[str, Any]) -> Iterator[Problem]:
    for one in error.errors(include_url=False, include_input=False):
        name = str(one["loc"][0])
        error_raised = one.get("ctx", {}).get("error")
        what, hint = (
            (error_raised.what, error_raised.hint)
            if isinstance(error_raised, InvalidValue)
            else ("is no setting", "")
        )
        if name in given:
            yield Problem(COMMAND_LINE, None, f"--{name.replace('_', '-')}", what, hint)
        else:
            yield Problem(ENVIRONMENT, None, f"{PREFIX}{name.upper()}", what, hint)


OTHER_VARIABLES: Final = ("GATEWAY_COMPILE", "GATEWAY_REVISION", "GATEWAY_ALLOW_LINK_LOCAL")
"""Variables with the prefix that others than the settings read."""

_OF_A_SERVICE: Final = re.compile(
    r"_SERVICE_HOST\Z|_SERVICE_PORT(_\w+)?\Z|_PORT_[0-9]+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?\Z"
)
"""Kubernetes sets these in every pod for a Service whose name begins with `gateway`.

Source: https://kubernetes.io/docs/tutorials/services/connect-applications-service/
"""


def environment_warnings(environment: Mapping[str, str]) -> list[str]:
    """Return a warning for each `GATEWAY_*` variable that is not used as it is."""
    unclean = [
        f"{PREFIX}{name.upper()}: has {blanks_around(value)}; it is used without"
        for name, value in _unclean(environment).items()
    ]
    return [*unclean, *unknown_variables(environment)]


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a warning for each `GATEWAY_*` variable that has no effect; no value is shown."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    return [
        f"{name}: is no setting and has no effect ({_meant(name.upper(), known)})"
        for name, value in environment.items()
        if name.upper().startswith(PREFIX)
        and name.upper() not in (*known, *OTHER_VARIABLES)
        and not _is_of_a_service(name.upper(), value)
    ]


def _is_of_a_service(name: str, value: str) -> bool:
    of_port = name.endswith("_PORT") and bool(_injected(value))
    return of_port or _OF_A_SERVICE.search(name.removeprefix(PREFIX.rstrip("_"))) is not None


def _meant(name: str, known: Sequence[str]) -> str:
    """Return a hint; the prefix is not compared, since it makes all names alike."""
    near = find_similar(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known])
    return f"did you mean {PREFIX}{near}?" if near else f"known: {', '.join(known)}"
