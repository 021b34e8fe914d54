"""The log on stderr: how lines look, in text and in JSON.

One renderer serves the gateway's own lines and those of libraries. Text from a message, a service
or SQS can neither begin a line nor steer a terminal, in either form.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

import structlog

from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from structlog.typing import Processor, WrappedLogger

_BELOW: Final = "\n    | "
"""Begins each line of a trace or list; an exception's message may have line breaks too."""

_SHARED: Final[Sequence[Processor]] = (
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def configure(
    level: str,
    format: Literal["text", "json"],  # noqa: A002 - the setting's name
    stream: TextIO | None = None,
) -> None:
    """Send the gateway's lines of `level` and above, and libraries' warnings, to stderr.

    Libraries stay at WARNING at every level: botocore's DEBUG lines carry signed headers.
    Raises ValueError for a level that logging does not have.
    """
    ours = logging.getLogger("gateway")
    ours.setLevel(level.upper())
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_SHARED],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _json_line if format == "json" else _TextLine(colours=stream.isatty()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(ours.level, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


class _TextLine:
    """`TIME [level] event key='value' ...`, then problems and traces on lines below."""

    def __init__(self, *, colours: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=colours, sort_keys=False, repr_native_str=True
        )

    def __call__(self, logger: WrappedLogger, name: str, line: MutableMapping[str, Any]) -> str:
        below = [*line.pop("problems", ()), *line.pop("exception", "").splitlines()]
        line["event"] = printable(str(line["event"]))
        return _BELOW.join([self._render(logger, name, line), *map(printable, below)])


def _json_line(_logger: WrappedLogger, _name: str, line: MutableMapping[str, Any]) -> str:
    first = {key: line.pop(key) for key in ("timestamp", "level", "event")}
    return json.dumps({**first, **line}, default=repr)  # ASCII only: the rest is escaped
