"""What is sent to a service: the head of a request, and the deliveries of one plan."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.adapters.http.header_files import HeaderFiles, ignore
from gateway.core.delivery.disposition import DeliveryResult, Unreachable
from gateway.core.delivery.headers import message_lines, plan_lines
from gateway.core.delivery.record_headers import record_lines
from gateway.core.delivery.unwrapped import lines_in_context, unwrapped_lines
from gateway.core.header_budget import room_for_message
from gateway.core.messages.trace_context import in_context
from gateway.core.routing.route import Unwrap
from gateway.core.routing.version import HeaderFile
from gateway.core.sqs_limits import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext
    from gateway.ports import Sending

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_REST_BYTES: Final = len(f"{MAX_MESSAGE_BYTES}\r\n\r\n")
_VISIBLE_ASCII = re.compile(r"[!-~]+\Z")


class RequestHead:
    """The start of every POST to one URL, rendered once, and the host and port of that URL.

    `size` is what it takes at most of a request's head, in bytes. Headers whose values are in files
    (`files`, None without any) are rendered again by :meth:`refresh`.
    Raises ValueError for a URL that is not http(s), holds credentials or needs percent-encoding,
    and for a header that would break out of its line.
    """

    __slots__ = ("_start", "_user_agent", "files", "fixed", "host", "path", "port", "size", "tls")

    def __init__(
        self,
        url: str,
        headers: Sequence[tuple[str, str | HeaderFile]],
        user_agent: str,
        report: Callable[[str, str, str], None] = ignore,
    ) -> None:
        parts = urlsplit(url)
        if parts.username is not None:
            raise ValueError("url: holds credentials (send them in `headers`)")
        if not _VISIBLE_ASCII.match(url):
            raise ValueError("url: must be visible ASCII (percent-encode the rest)")
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("url: must begin with http:// or https:// and name a host")
        self.host = parts.hostname
        self.port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        self.tls = parts.scheme == "https"
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._user_agent = user_agent
        files = HeaderFiles(headers, report)
        any_file = any(isinstance(value, HeaderFile) for _, value in headers)
        self.files = files if any_file else None
        self.fixed: list[tuple[str, str]] = []
        self._render_start(files.read())

    def refresh(self, files: HeaderFiles) -> str | None:
        """Look at the files where that is due; return the name of a header that has no value."""
        if files.due():
            self._render_start(files.read())
        return files.missing

    def _render_start(self, headers: Sequence[tuple[str, str]]) -> None:
        self.fixed = [("host", self._authority()), ("user-agent", self._user_agent), *headers]
        self._start = f"POST {self.path} HTTP/1.1\r\n{_lines(self.fixed)}content-length: "
        self.size = len(self._start) + _REST_BYTES

    def render(self, lines: str, content_length: int) -> bytes:
        """Return the head of one request; `lines` (`name: value`, CR LF) are sent as they are.

        `core.delivery.headers` renders them such that no value breaks out of its line. Raises
        ValueError where they are not ASCII or would end the head early, which is a defect.
        """
        if "\r\n\r\n" in lines:
            raise ValueError("an empty line among the headers")
        return f"{self._start}{content_length}\r\n{lines}\r\n".encode("ascii")

    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = _DEFAULT_PORTS["https" if self.tls else "http"]
        return host if self.port == default else f"{host}:{self.port}"


class HttpSender:
    """A `Sender` for both HTTP targets; `head` and the method `post` are those of the target.

    It takes header lines, body, timeout in seconds and the callback for the result.
    """

    __slots__ = (
        "_dialect",
        "_head",
        "_plan_lines",
        "_post",
        "_room",
        "_tag",
        "_timeout_seconds",
    )

    def __init__(
        self,
        post: Callable[[str, bytes, float, Callable[[DeliveryResult], None]], Sending],
        plan: DeliveryPlan,
        head: RequestHead,
    ) -> None:
        self._post = post
        self._plan_lines = plan_lines(plan)
        self._head = head
        self._room = room_for_message(plan.max_header_bytes, len(self._plan_lines))
        self._tag = plan.tag
        self._dialect = plan.dialect
        self._timeout_seconds = plan.timeout_seconds

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """POST the message's body, unchanged, under the headers of the delivery reference.

        Nothing is sent without a header of the version whose file has never been readable.
        """
        head = self._head
        if head.files is not None and (missing := head.refresh(head.files)):
            return _without_header(missing, done)
        room = self._room - head.size
        lines = self._plan_lines + message_lines(
            message,
            self._tag,
            room=room,
            dialect=self._dialect,
        )
        body = message.body.encode("utf-8", "surrogatepass")
        return self._post(lines, body, self._timeout_seconds, done)

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> Sending:
        """POST as `send` does, with the headers of another trace context."""
        head = self._head
        if head.files is not None and (missing := head.refresh(head.files)):
            return _without_header(missing, done)
        room = self._room - head.size
        lines, body = lines_in_context(
            message, self._tag, context, room=room, dialect=self._dialect
        )
        content = body.encode("utf-8", "surrogatepass")
        return self._post(self._plan_lines + lines, content, self._timeout_seconds, done)


class UnwrappingSender(HttpSender):
    """A `Sender` for routes that read notifications of SNS as what was published."""

    __slots__ = ()

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """POST the body, or what was published: `deliver` of the route says which."""
        head = self._head
        if head.files is not None and (missing := head.refresh(head.files)):
            return _without_header(missing, done)
        room = self._room - head.size
        lines, body = unwrapped_lines(message, self._tag, room=room, dialect=self._dialect)
        content = body.encode("utf-8", "surrogatepass")
        return self._post(self._plan_lines + lines, content, self._timeout_seconds, done)


class RecordSender(HttpSender):
    """A `Sender` for routes that read a topic: the body is the record's value, any bytes."""

    __slots__ = ()

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """POST the value, unchanged; a tombstone has an empty body."""
        return self._post_record(message, None, done)

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> Sending:
        """POST as `send` does, with the headers of another trace context."""
        return self._post_record(message, in_context(message, context), done)

    def _post_record(
        self, message: Message, context: Message | None, done: Callable[[DeliveryResult], None]
    ) -> Sending:
        head = self._head
        if head.files is not None and (missing := head.refresh(head.files)):
            return _without_header(missing, done)
        lines = self._plan_lines + record_lines(
            message,
            self._tag,
            room=self._room - head.size,
            dialect=self._dialect,
            context=context,
        )
        value = None if message.record is None else message.record.value
        return self._post(lines, value or b"", self._timeout_seconds, done)


def sender_of(
    post: Callable[[str, bytes, float, Callable[[DeliveryResult], None]], Sending],
    plan: DeliveryPlan,
    head: RequestHead,
) -> HttpSender:
    """Return the sender that a plan asks for."""
    if plan.dialect.records:
        return RecordSender(post, plan, head)
    kind = HttpSender if plan.dialect.unwrap is Unwrap.NONE else UnwrappingSender
    return kind(post, plan, head)


def _without_header(missing: str, done: Callable[[DeliveryResult], None]) -> Sending:
    return _NotSent(Unreachable(f"the file of its header {missing} cannot be used"), done)


class _NotSent:
    """A `Sending` with a result that needs no service."""

    begun = False

    def __init__(self, result: DeliveryResult, done: Callable[[DeliveryResult], None]) -> None:
        self._handle = asyncio.get_running_loop().call_soon(done, result)

    def cancel(self) -> None:
        self._handle.cancel()


def _lines(headers: Sequence[tuple[str, str]]) -> str:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    # One check of the whole text is cheaper than one of each header.
    breaks = lines.count("\r"), lines.count("\n")
    if breaks != (len(headers), len(headers)) or "\0" in lines or not lines.isascii():
        names = ", ".join(repr(name) for name, _ in headers)
        raise ValueError(f"CR, LF, NUL or a character beyond ASCII in one of the headers {names}")
    return lines
