"""Commands in this process, against an admin port that responds as a test says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from gateway.cli.main import main
from tests.fakes.admin_stub import AdminStub

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


class Run(Protocol):
    """Runs a command line."""

    def __call__(self, *words: str) -> Ran: ...


@pytest.fixture
def stub() -> Iterator[AdminStub]:
    with AdminStub() as stub:
        yield stub


@pytest.fixture
def run(
    stub: AdminStub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command line to its end, by the settings of a gateway that is the stub."""
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", str(stub.port))

    def run(*words: str) -> Ran:
        try:
            status = main(words)
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return run
