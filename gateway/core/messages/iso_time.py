"""A time of a message as text."""

from __future__ import annotations

from functools import lru_cache


def iso_8601(epoch_ms: int) -> str:
    """Return milliseconds since the epoch as `YYYY-MM-DDThh:mm:ssZ`, UTC, cut to the second.

    The Elastic Beanstalk worker daemon sends times in this form.
    """
    return _second(epoch_ms // 1000)


@lru_cache(maxsize=1024)  # messages of one second arrive together
def _second(epoch_seconds: int) -> str:
    day, second = divmod(epoch_seconds, 86_400)
    return f"{_date(day)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


@lru_cache(maxsize=128)  # a backlog has many seconds and few days
def _date(days: int) -> str:
    """Return `YYYY-MM-DD` of a number of days since the epoch.

    The calendar arithmetic is Howard Hinnant's civil_from_days
    (https://howardhinnant.github.io/date_algorithms.html).
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9  # noqa: PLR2004
    year = year_of_era + era * 400 + (month <= 2)  # noqa: PLR2004
    return f"{year:04d}-{month:02d}-{day:02d}"
