"""Composes a document from the events of PyYAML's parser.

PyYAML's own composer and constructor are not used: they implement YAML 1.1, let a later key replace
an earlier one, recurse without a limit and drop the lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml import events

from gateway.config.problems.findings import Finding, Path
from gateway.config.yaml.document import Child, Document, Node
from gateway.config.yaml.scalars import resolve
from gateway.config.yaml.syntax import YamlSyntaxError, decode, explain

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUES: Final = 100_000
MAX_DEPTH: Final = 50

_EMPTY: Final = ("is empty", "the smallest file has `routes:` with one route")

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is much faster
_SURROGATE = re.compile("[\ud800-\udfff]")
_TEXT_TAGS: Final = ("!", "tag:yaml.org,2002:str")
_OWN_TAGS: Final = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def compose(content: bytes) -> Document:
    """Return the document; raises YamlSyntaxError where the file is not one YAML document."""
    text = decode(content)
    composer = _Composer(text)
    try:
        return composer.document()
    except yaml.MarkedYAMLError as error:
        stop = explain(error, text)
    except YamlSyntaxError as error:
        stop = error
    stop.findings[:0] = composer.findings
    raise stop


class _Composer:
    """Makes nodes of events. Depth and size are checked before a value is built."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_PARSER))
        self._anchors: dict[str, Node | None] = {}
        self._values = 0
        self.findings: list[Finding] = []

    def document(self) -> Document:
        self._next()  # the stream starts
        if isinstance(self._next(), events.StreamEndEvent):
            raise YamlSyntaxError(1, *_EMPTY)
        root = self._node(self._next(), (), 1)
        if root.value is None:
            raise YamlSyntaxError(1, *_EMPTY)
        self._next()  # the document ends
        after = self._next()
        if isinstance(after, events.DocumentStartEvent):
            raise YamlSyntaxError(
                _line(after), "a second document begins here", "one file is one document"
            )
        return Document(root, tuple(self.findings))

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, path: Path, depth: int) -> Node:
        self._count(_line(event), 1, depth)
        if isinstance(event, events.AliasEvent):
            return self._alias(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # open: an alias inside would be a circle
        node = self._new(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _new(self, event: Any, path: Path, depth: int) -> Node:
        if isinstance(event, events.ScalarEvent):
            return self._scalar(event, path)
        if event.tag not in _OWN_TAGS:
            self._find(event, path, "has a YAML tag, which means nothing here", "remove `!...`")
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(event, path, depth)
        return self._sequence(event, path, depth)

    def _scalar(self, event: Any, path: Path) -> Node:
        plain = not event.style and event.tag is None  # libyaml has '' for no style
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._find(event, path, "has a YAML tag, which means nothing here", "remove `!...`")
        if _SURROGATE.search(event.value):
            self._find(event, path, "has half of a surrogate pair", "write the character itself")
        value = resolve(event.value) if plain else event.value
        return Node(_line(event), value, written=event.value if plain else None)

    def _sequence(self, start: Any, path: Path, depth: int) -> Node:
        children: dict[str | int, Child] = {}
        while not isinstance(event := self._next(), events.SequenceEndEvent):
            at = len(children)
            children[at] = Child(_line(event), self._node(event, (*path, at), depth + 1))
        return _collection(start, [child.node.value for child in children.values()], children)

    def _mapping(self, start: Any, path: Path, depth: int) -> Node:
        children: dict[str | int, Child] = {}
        while not isinstance(event := self._next(), events.MappingEndEvent):
            key = self._key(event, path, depth)
            node = self._node(self._next(), path if key is None else (*path, key), depth + 1)
            if key in children:
                before = f"the first is on line {children[key].line}"
                self._find(event, (*path, key), "the key is there twice", before)
            elif key is not None:
                children[key] = Child(_line(event), node)
        return _collection(
            start, {key: child.node.value for key, child in children.items()}, children
        )

    def _key(self, event: Any, path: Path, depth: int) -> str | None:
        """Return a key as text, also if it is another scalar, so that one error is one finding."""
        node = self._node(event, path, depth + 1)
        if node.written == "<<":
            self._find(event, path, "YAML 1.2 has no merge keys", "write the keys of `<<` out")
            return None
        if isinstance(node.value, str):
            return node.value
        if isinstance(node.value, dict | list):
            self._find(event, path, "a key is a list or a mapping", "every key must be a text")
            return None
        key = node.written or ""
        self._find(event, (*path, key), "a key must be a text", "put quotes round it")
        return key

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self._anchors:
            what = "an alias (`*...`) refers to an anchor (`&...`) that no line above has"
            raise YamlSyntaxError(_line(event), what, "a text that begins with * needs quotes")
        node = self._anchors[event.anchor]
        if node is None:
            raise YamlSyntaxError(_line(event), "an alias (`*...`) refers to what it is a part of")
        self._count(_line(event), node.size - 1, depth + node.depth - 1)
        return node

    def _count(self, line: int, values: int, depth: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            what = f"holds more than {MAX_VALUES:,} values up to here"
            raise YamlSyntaxError(line, what, "an alias counts as all that it stands for")
        if depth > MAX_DEPTH:
            raise YamlSyntaxError(line, f"nests deeper than {MAX_DEPTH} levels")

    def _find(self, event: Any, path: Path, what: str, hint: str) -> None:
        self.findings.append(Finding(path, what, hint, _line(event)))


def _collection(start: Any, value: Any, children: dict[str | int, Child]) -> Node:
    nodes = [child.node for child in children.values()]
    return Node(
        _line(start),
        value,
        children,
        size=1 + sum(node.size for node in nodes),
        depth=1 + max((node.depth for node in nodes), default=0),
    )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
