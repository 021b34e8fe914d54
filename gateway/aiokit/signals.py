"""Signals from the first line of a program on: remembered until something receives them.

Without a handler SIGTERM ends a process, or does nothing at all where it is PID 1, as in a
container: the kernel drops it. So :meth:`Signals.listen` comes before every slow import; this
module imports next to nothing.

Source: https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

NUMBERS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that are listened to."""

EXIT_STATUS_BASE: Final = 128
"""A shell's exit status for an end by signal N is this plus N."""


class Signals:
    """SIGTERM, SIGINT and SIGHUP of this process. Each is received exactly once.

    A loop's own signal handlers would not do: a signal that arrives while they take over from
    other handlers is seen by both, and the second stop is a hard one.
    """

    def __init__(self) -> None:
        self._remembered: list[int] = []
        self._receive: Callable[[int], object] = self._remembered.append

    def listen(self) -> None:
        """Handle the signals from now on, in the main thread; until `connect` remember them."""
        for number in NUMBERS:
            signal.signal(number, self._arrive)

    def connect(self, loop: AbstractEventLoop, receive: Callable[[signal.Signals], object]) -> None:
        """Give the remembered signals to `receive` now, and later ones inside the loop."""
        self.listen()
        self._pass_to(lambda number: loop.call_soon_threadsafe(receive, signal.Signals(number)))
        for number in self._take_remembered():
            receive(signal.Signals(number))

    def disconnect(self) -> None:
        """Remember the signals again."""
        self._pass_to(self._remembered.append)

    def exit_on_stop(self, status: int | None = None) -> None:
        """Exit at a stop, one remembered included, while there is nothing to drain.

        Raises SystemExit wherever the program is, with a status that names the signal by default.
        """

        def receive(number: int) -> None:
            # Remembered too: code of a library may suppress what is raised inside it.
            self._remembered.append(number)
            if number != signal.SIGHUP:
                raise SystemExit(EXIT_STATUS_BASE + number if status is None else status)

        self._pass_to(receive)
        for number in self._take_remembered():
            receive(number)

    def _arrive(self, number: int, _frame: object) -> None:
        self._receive(number)

    def _pass_to(self, receive: Callable[[int], object]) -> None:
        self._receive = receive

    def _take_remembered(self) -> list[int]:
        taken = self._remembered.copy()
        self._remembered.clear()
        return taken


SIGNALS: Final = Signals()
"""The signals of this process: there is one of each kind, so there is one object."""
