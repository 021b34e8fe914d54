"""iso_8601 against the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.messages.iso_time import iso_8601

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(2000, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC))
@example(datetime(2100, 3, 1, tzinfo=UTC))
@example(datetime(1600, 12, 31, tzinfo=UTC))
def test_a_time_reads_as_the_standard_library_writes_it(moment: datetime) -> None:
    written = moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    assert iso_8601(milliseconds(moment)) == written
