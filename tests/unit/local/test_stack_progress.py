"""Progress where there is no terminal, as in a CI log."""

import pytest

from fraud_local.stack import progress


def test_without_a_terminal_each_tenth_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown(200_000_000) as advance:
        for _ in range(200):
            advance(1_000_000)

    lines = capsys.readouterr().err.splitlines()

    assert len(lines) == 10
    assert lines[0] == "  20 of 200 MB"
    assert lines[-1] == "  200 of 200 MB"
