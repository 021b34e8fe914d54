"""The cluster of a module of tests."""

from __future__ import annotations

import pytest

from tests.fakes.kafka_brokers import MockCluster


@pytest.fixture(scope="module")
def mock() -> MockCluster:
    return MockCluster()
