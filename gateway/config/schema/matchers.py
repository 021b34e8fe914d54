"""Values of the routing file: conditions, and the sources of pins and sticky keys."""

from __future__ import annotations

import re
import warnings
from typing import Any, Final

import jmespath
from jmespath.exceptions import IncompleteExpressionError, LexerError, ParseError
from jmespath.functions import Functions

from gateway.config.problems.findings import InvalidValue, quote, suggest
from gateway.config.schema.fields import QUOTE, Checked, text
from gateway.core.routing.rules import Regex
from gateway.core.routing.sources import (
    FromAttribute,
    FromBaggage,
    FromBody,
    FromBodyVersion,
    FromGroup,
    FromMessageId,
    FromSession,
    Source,
    VersionSource,
    scalar_text,
)

_STICKY: Final = "message, group, attribute:NAME or body:JMESPATH"
_STICKY_OF_KAFKA: Final = {
    "key": "a record's key is its `group`",
    "header": "a record's header is an `attribute`",
}
_VERSION_FROM: Final = "attribute:NAME, baggage:NAME, sender:NAME or body:JMESPATH"
_MEMBER: Final = re.compile(r"[A-Za-z0-9_+.@-]+")
"""A session's name has these, and `=` and `,` between its members.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (RoleSessionName).
"""


def exact(value: Any) -> str:
    """Return the text of `exact`; a whole number or boolean gives its JSON text."""
    if isinstance(value, float):
        raise InvalidValue("is a number whose text is not certain", QUOTE)
    if not isinstance(value, str | int):
        raise InvalidValue("must be a text")
    return str(scalar_text(value))


def prefix(value: Any) -> str:
    """Return the text of `prefix`."""
    if value == "":
        raise InvalidValue("is empty, so every value has it", "{present: true} says that")
    return text(value)


def regex(value: Any) -> Regex:
    """Return the compiled RE2 expression of `regex`."""
    if not isinstance(value, str):
        raise InvalidValue("must be a text", QUOTE if isinstance(value, bool | int | float) else "")
    try:
        return Regex(value)
    except ValueError as error:
        reason = quote(str(error))[1:-1]
        raise InvalidValue(f"is not an RE2 expression: {reason}", _unknown_to_re2(value)) from None


def _unknown_to_re2(pattern: str) -> str:
    look_around = any(start in pattern for start in ("(?=", "(?!", "(?<=", "(?<!"))
    return "RE2 has no look-around and no back-references" if look_around else ""


def present(value: Any) -> bool:
    """Return true, the only value of `present`."""
    if value is not True:
        raise InvalidValue("must be true", "`without_attributes` asks that there is none")
    return True


def body_path(value: Any) -> FromBody:
    """Return a compiled JMESPath."""
    path = text(value)
    try:
        with warnings.catch_warnings():  # `[?kind==`x`]` is old JMESPath, but common
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            source = FromBody(path)
            _check_functions(jmespath.compile(path).parsed)
    except RecursionError:
        raise InvalidValue("is a JMESPath that nests too deeply") from None
    except InvalidValue:
        raise
    except ValueError as error:
        raise _no_jmespath(error.__cause__) from None
    return source


def _check_functions(node: Any) -> None:
    """Raise InvalidValue for an unknown function, which would make every search fail."""
    if not isinstance(node, dict):
        return
    known = Functions.FUNCTION_TABLE
    if node["type"] == "function_expression" and node["value"] not in known:
        name = node["value"]
        raise InvalidValue(
            f"calls {name}(), which JMESPath does not have", suggest(name, known, "it has")
        )
    for child in node["children"]:
        _check_functions(child)


def _no_jmespath(cause: BaseException | None) -> InvalidValue:
    match cause:
        case LexerError():  # a ParseError too, so it comes first
            what = f"{quote(str(cause.lexer_value))} at column {cause.lexer_position + 1}"
            hint = 'a key with other characters than A-Z a-z 0-9 _ needs quotes: "a-b"'
            return InvalidValue(f"is not a JMESPath: {what} does not fit", hint)
        case IncompleteExpressionError() | ParseError(token_type="EOF"):
            return InvalidValue("is not a JMESPath: it ends too early")
        case ParseError():
            what = f"{quote(str(cause.token_value))} at column {cause.lex_position + 1}"
            return InvalidValue(f"is not a JMESPath: {what} does not fit")
        case _:
            return InvalidValue("is not a JMESPath")


def sticky(value: Any) -> Source:
    """Return the source of a sticky key."""
    words: dict[str, Source] = {"message": FromMessageId(), "group": FromGroup()}
    written = _source_text(value, _STICKY)
    kind, _, rest = written.partition(":")
    if written in words:
        return words[written]
    if kind == "attribute" and rest:
        return FromAttribute(rest)
    if kind == "body" and rest:
        return body_path(rest)
    raise InvalidValue(f"must be {_STICKY}", _STICKY_OF_KAFKA.get(kind, ""))


def version_from(value: Any) -> VersionSource:
    """Return a source of `version_from`."""
    kind, _, name = _source_text(value, _VERSION_FROM).partition(":")
    match kind if name else "":
        case "attribute":
            return FromAttribute(name)
        case "baggage":
            return FromBaggage(name)
        case "sender":
            return _session(name)
        case "body":
            return FromBodyVersion(body_path(name))
        case _:
            raise InvalidValue(f"must be {_VERSION_FROM}")


def _session(name: str) -> FromSession:
    if _MEMBER.fullmatch(name) is None:
        raise InvalidValue(
            "names no member of a session: its name may have A-Z a-z 0-9 _ + . @ - alone",
            "the session b1,version=v2 has the member version",
        )
    return FromSession(name)


def _source_text(value: Any, forms: str) -> str:
    if isinstance(value, dict):
        raise InvalidValue(f"must be {forms}", "without a space after the colon")
    return text(value)


EXACT: Final = Checked(exact, {"type": ["string", "integer", "boolean"]})
PREFIX: Final = Checked(prefix, {"type": "string", "minLength": 1})
REGEX: Final = Checked(regex, {"type": "string"})
PRESENT: Final = Checked(present, {"const": True})
BODY_PATH: Final = Checked(body_path, {"type": "string", "minLength": 1})
STICKY: Final = Checked(
    sticky, {"type": "string", "pattern": "^(message|group|attribute:.+|body:.+)$"}
)
VERSION_FROM: Final = Checked(
    version_from,
    {"type": "string", "pattern": "^(attribute|baggage|body):.+$|^sender:[A-Za-z0-9_+.@-]+$"},
)
