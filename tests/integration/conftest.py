"""Started once for all tests: moto, the emulator, and the loop that the services live in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.children import LIVE, ServerChild
from tests.integration.emulator import EmulatedSqs
from tests.integration.loop_thread import LoopThread
from tests.integration.queues import Sqs
from tests.integration.services import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    NewService = Callable[[str], Service]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Show what every living child has printed last beside a failure."""
    report = yield
    if report.failed:
        report.sections += [(f"last lines of {child.name}", child.tail()) for child in LIVE]
    return report


@contextmanager
def _served(module: str, folder: pytest.TempPathFactory) -> Iterator[str]:
    command = ["-m", module]
    with ServerChild(command, folder.mktemp(module)) as server:
        yield server.url


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sqs]:
    """moto: faithful, and slow; keep its queues short."""
    with _served("tests.integration.moto_server", tmp_path_factory) as url:
        sqs = Sqs(url)
        yield sqs
        sqs.close()


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedSqs]:
    """The emulator: fast, and with a ledger of what happened to each message."""
    with _served("tools.emulator", tmp_path_factory) as url:
        sqs = EmulatedSqs(url)
        yield sqs
        sqs.close()


@pytest.fixture(scope="session")
def thread() -> Iterator[LoopThread]:
    """The loop that services and gates live in."""
    with LoopThread() as thread:
        yield thread


@pytest.fixture(scope="module")
def new_service(thread: LoopThread) -> Iterator[NewService]:
    """Make services that end with the module."""
    services: list[Service] = []

    def make(name: str) -> Service:
        services.append(Service(name, thread))
        return services[-1]

    yield make
    for service in services:
        service.close()
