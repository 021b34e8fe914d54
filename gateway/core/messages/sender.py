"""Who sent a message: what its system attribute `SenderId` says.

`AIDA...` is a user; `AROA...:SESSION` is a session of a role, whose name is chosen by the process
that assumes the role.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations


def session_member(sender_id: str, name: str) -> str | None:
    """Return a member of the session's name, which is read as comma-separated `name=value`.

    The session is what follows the first colon. Names compare with their case, and the first member
    of a name counts. Nothing is decoded or stripped. None where there is no such member, or it is
    empty.
    """
    for member in sender_id.partition(":")[2].split(","):
        written, equals, value = member.partition("=")
        if equals and written == name:
            return value or None
    return None
