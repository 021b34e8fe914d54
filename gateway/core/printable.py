"""Text that can neither begin a line nor steer a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with each character escaped that a terminal would not print as itself.

    Control characters, line separators, directional overrides and lone surrogates are written as
    repr() writes them; backslashes stay.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
