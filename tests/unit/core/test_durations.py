from datetime import datetime, timedelta

import pytest
import typer

from fraud_core.durations import duration, moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", timedelta(days=7)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("90m", timedelta(minutes=90)),
        ("0.5s", timedelta(seconds=0.5)),
        ("2w", timedelta(weeks=2)),
        ("0", timedelta()),
    ],
)
def test_durations_are_written_as_people_write_them(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "7d!", "-1d", "1y"])
def test_other_durations_are_refused_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write it like 7d"):
        duration(text)


@pytest.mark.parametrize(
    "text", ["2026-11-01T12:00", "2026-11-01 12:00", "2026-11-01T12:00Z", "2026-11-01T14:00+02:00"]
)
def test_moments_are_utc_unless_they_say_otherwise(text: str) -> None:
    assert moment(text) == datetime(2026, 11, 1, 12)


def test_a_duration_beyond_every_calendar_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="longer than any calendar"):
        duration("9999999999999d")


@pytest.mark.parametrize("text", ["yesterday", "0001-01-01T00:00+14:00"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write it like 2026-11-01"):
        moment(text)
