"""Which rows of a CSV file are broken by their quotes, and that no other is."""

from pathlib import Path

import pytest

from fraud_producer.replay.quotes import MOST_LINES, mended


def broken(path: Path, *lines: str, separator: str = ",") -> list[int]:
    path.write_text("\n".join(["a,b,c", *lines]))
    found = mended(path, separator)
    return found[1] if found else []


@pytest.mark.parametrize(
    "lines",
    [
        ("1,2,3",),
        ('"1","2","3"',),
        ('"1","2, or ""two""",3', "1,2,3"),
        ('1,"2', '3",4', '"5', "", '6",7,8'),
        ('1,2,"two', '""lines""', 'and more"'),
        ('"",,""',),
    ],
)
def test_rows_with_closed_quotes_are_whole(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert broken(tmp_path / "h.csv", *lines) == []


@pytest.mark.parametrize("row", ['1,"2,3', '1,2",3', '1,"2"x,3', '1,2,3"'])
@pytest.mark.parametrize("others", ["7,8,9", '7,"8",9', '"7","8","9"'])
def test_a_row_whose_quotes_do_not_close_is_broken_alone(tmp_path: Path, row: str, others: str) -> None:
    assert broken(tmp_path / "h.csv", others, row, others, row, others) == [2, 4]


def test_rows_are_counted_and_not_lines(tmp_path: Path) -> None:
    assert broken(tmp_path / "h.csv", '1,"2', '3",4', "5,6,7", '8,9,"') == [3]


def test_a_quote_that_closes_far_away_is_a_stray_one(tmp_path: Path) -> None:
    far = ["5,6,7"] * MOST_LINES
    assert broken(tmp_path / "h.csv", '1,"2,3', *far, '8",9,0') == [1, MOST_LINES + 2]


def test_other_separators_are_heeded(tmp_path: Path) -> None:
    assert broken(tmp_path / "h.csv", '"1,2";3', '1,"2;3', separator=";") == [2]


def test_broken_rows_are_left_empty_and_the_others_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_bytes(b'a,b\r\n1,"2"\r\n3,"4\r\n5,6')
    found = mended(path, ",")
    assert found is not None
    assert found[0].read() == b'a,b\r\n1,"2"\r\n,\n5,6'
