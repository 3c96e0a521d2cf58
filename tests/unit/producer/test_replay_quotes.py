"""Which rows of a CSV file are broken, by their quotes or by their number of values, and that no other is."""

from io import BytesIO
from pathlib import Path

import pytest

from fraud_producer.replay.quotes import FAULT, MOST_LINES, mended


def faults(path: Path, *lines: str, separator: str = ",") -> dict[int, str]:
    path.write_text("\n".join([separator.join("abc"), *lines]))
    return mended(path, separator, 3).faults


def broken(path: Path, *lines: str, separator: str = ",") -> list[int]:
    return [row for row, fault in faults(path, *lines, separator=separator).items() if fault == FAULT]


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
    text = mended(path, ",", 2).text
    assert isinstance(text, BytesIO)
    assert text.read() == b'a,b\r\n1,"2"\r\n,\n5,6'


@pytest.mark.parametrize("others", ["7,8,9", '7,"8, or 9",0', '7,"8\n8",9'])
def test_rows_with_more_or_fewer_values_than_the_header_are_told(tmp_path: Path, others: str) -> None:
    assert faults(tmp_path / "h.csv", others, "1,1,076.39,2", others, "1,2", "1", others) == {
        2: "the row has 4 values, the header 3",
        4: "the row has 2 values, the header 3",
        5: "the row has 1 value, the header 3",
    }


def test_rows_are_counted_whatever_stands_within_quotes(tmp_path: Path) -> None:
    assert faults(tmp_path / "h.csv", '"1,""1,",2,""', '"a\n,b",2,3', '"1","2",3,"4"') == {
        3: "the row has 4 values, the header 3"
    }


def test_a_file_of_ragged_rows_alone_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_bytes(b"a;b\r\n1;2\r\n3;4;5\r\n\r\n6;7\r\n")
    found = mended(path, ";", 2)
    assert (found.text, found.faults) == (path, {2: "the row has 3 values, the header 2"})


@pytest.mark.parametrize("last", ["6,7", '6,"7\n8"'])
def test_rows_are_counted_from_the_header_on(tmp_path: Path, last: str) -> None:
    path = tmp_path / "h.csv"
    path.write_text(f"\ufeff\n\r\na,b\n1,2\n3,4,5\n{last}\n", encoding="utf-8")
    assert mended(path, ",", 2).faults == {2: "the row has 3 values, the header 2"}


def test_blank_lines_before_the_header_stay(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_text('\n\na,b\n1,2\n3,"4\n5,6')
    text = mended(path, ",", 2).text
    assert isinstance(text, BytesIO)
    assert text.read() == b"\n\na,b\n1,2\n,\n5,6"


@pytest.mark.parametrize("others", ["7,8,9", '7,"8, or 9",0', '7,"8\n8",9'])
@pytest.mark.parametrize("row", ["1,2,3,", "1,2,3,,,", '1,2,"3", ,""', "1,,,", "1,2,,,"])
def test_empty_values_after_those_of_the_header_are_not_counted(
    tmp_path: Path, others: str, row: str
) -> None:
    assert faults(tmp_path / "h.csv", others, row, others) == {}


@pytest.mark.parametrize("others", ["7,8,9", '7,"8\n8",9'])
def test_what_is_not_empty_after_them_is_told_and_so_are_rows_that_lack_named_ones(
    tmp_path: Path, others: str
) -> None:
    assert faults(tmp_path / "h.csv", "1,1,076.39,2,,", others, '1,2,3,,"4",', "1,", others, "1,2,3,0") == {
        1: "the row has 4 values, the header 3",
        3: "the row has 5 values, the header 3",
        4: "the row has 2 values, the header 3",
        6: "the row has 4 values, the header 3",
    }
