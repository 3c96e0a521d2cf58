import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from fraud_core.avro.types import polars_schema
from fraud_core.errors import InputError
from fraud_producer.replay import History, history, quotes, read_history
from fraud_producer.slices import TRUTH_SCHEMA

DAY = timedelta(days=1)
START = datetime(2024, 1, 1)
MAPPING = {"user": "who", "amount": "sum", "timestamp": "at", "transaction_id": "id"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"t{row}" for row in range(count)],
            "who": [f"u{row % 3}" for row in range(count)],
            "sum": [float(row) for row in range(count)],
            "at": [START + row * DAY for row in range(count)],
            "bad": [row % 4 == 0 for row in range(count)],
        }
    )


def saved(frame: pl.DataFrame, name: str = "h.parquet") -> Path:
    frame.write_parquet(name)
    return Path(name)


def transactions(found: History) -> pl.DataFrame:
    return pl.concat([piece.transactions for piece in found])


def labels(found: History) -> pl.DataFrame:
    return pl.concat([piece.labels for piece in found])


def test_frames_have_the_types_of_the_schemas() -> None:
    piece = next(iter(read_history(saved(rows(9)), MAPPING, label="bad", label_delay=DAY)))
    assert piece.transactions.schema == polars_schema("Transaction")
    assert piece.labels.schema == polars_schema("Label")
    assert piece.truth.schema == TRUTH_SCHEMA


def test_rows_come_in_event_time_order_whatever_their_order_in_the_file() -> None:
    found = read_history(saved(rows(9).reverse()), MAPPING)
    assert transactions(found)["transaction_id"].to_list() == [f"t{row}" for row in range(9)]
    assert not found.ordered


def test_rows_of_one_time_keep_their_order_in_the_file() -> None:
    same_time = (
        rows(50).with_columns(at=pl.lit(START), later=START + DAY).vstack(rows(1).with_columns(later=None))
    )
    found = read_history(saved(same_time.with_columns(at=pl.col("at"))), MAPPING)
    assert transactions(found)["transaction_id"].to_list() == [f"t{row}" for row in range(50)] + ["t0"]


def test_csv_parquet_and_json_lines_of_the_same_rows_replay_alike() -> None:
    frame = rows(9)
    frame.write_csv("h.csv")
    frame.write_csv("semicolons.csv", separator=";")
    frame.write_ndjson("h.jsonl")
    expected = transactions(read_history(saved(frame), MAPPING))
    for name in ("h.csv", "semicolons.csv", "h.jsonl"):
        assert transactions(read_history(Path(name), MAPPING)).equals(expected)


def test_gzipped_text_is_read_as_it_is_once_unpacked() -> None:
    frame = rows(9)
    frame.write_csv("h.csv", separator=";")
    frame.write_ndjson("h.jsonl")
    Path("broken.csv").write_text('who,sum,at,what\na,1,2024-01-01,"open\nb,2,2024-01-01,x\n')
    for name in ("h.csv", "h.jsonl", "broken.csv"):
        Path(f"{name}.gz").write_bytes(gzip.compress(Path(name).read_bytes()))
    expected = transactions(read_history(saved(frame), MAPPING))

    for name in ("h.csv.gz", "h.jsonl.gz"):
        assert transactions(read_history(Path(name), MAPPING)).equals(expected)
    broken = read_history(Path("broken.csv.gz"), {"user": "who", "amount": "sum", "timestamp": "at"})
    assert (broken.rows, broken.rejected) == (1, 1)


def test_ids_are_made_of_file_name_and_row_number_where_none_is_mapped() -> None:
    without_id = {field: column for field, column in MAPPING.items() if field != "transaction_id"}
    found = transactions(read_history(saved(rows(3).reverse()), without_id))
    assert found["transaction_id"].to_list() == ["h.parquet:3", "h.parquet:2", "h.parquet:1"]


def test_without_a_label_column_nothing_is_labelled_and_the_truth_is_unknown() -> None:
    found = read_history(saved(rows(5)), MAPPING)
    assert labels(found).is_empty()
    assert [piece.truth["fraud"].to_list() for piece in found] == [[None] * 5]


def test_every_label_becomes_known_once_the_delay_after_its_transaction() -> None:
    found = labels(read_history(saved(rows(9)), MAPPING, label="bad", label_delay=2 * DAY))
    assert found["transaction_id"].to_list() == [f"t{row}" for row in range(9)]
    assert found["label"].to_list() == ["fraud" if row % 4 == 0 else "legitimate" for row in range(9)]
    assert (found["labelled_at"] - found["transaction_timestamp"]).unique().to_list() == [2 * DAY]


def test_labels_are_due_in_the_slice_in_which_they_become_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "SLICE_ROWS", 4)
    found = list(read_history(saved(rows(10)), MAPPING, label="bad", label_delay=2 * DAY))
    for piece in found:
        assert piece.start <= piece.end
        assert all(piece.start <= known <= piece.end for known in piece.labels["labelled_at"])
    assert [piece.transactions.height for piece in found] == [4, 4, 2, 0]
    assert [piece.labels.height for piece in found] == [2, 4, 2, 2]


def test_labels_name_merchant_and_category_of_their_transactions() -> None:
    frame = rows(3).with_columns(shop=pl.Series(["a", "b", None]), kind=pl.Series(["food", None, "travel"]))
    mapping = {**MAPPING, "merchant": "shop", "merchant_category": "kind"}

    found = labels(read_history(saved(frame), mapping, label="bad"))

    assert found["merchant"].to_list() == ["a", "b", None]
    assert found["merchant_category"].to_list() == ["food", None, "travel"]


def test_labels_of_frauds_alone_can_be_asked_for() -> None:
    found = labels(read_history(saved(rows(9)), MAPPING, label="bad", frauds_only=True))
    assert found["transaction_id"].to_list() == ["t0", "t4", "t8"]


def test_rows_that_cannot_be_mapped_are_listed_with_reason_and_number_and_the_rest_goes_on() -> None:
    Path("h.csv").write_text("who,sum,at\na,1,2024-01-01\n,1,2024-01-01\nb,-2,2024-01-01\nc,3,2024-01-02\n")
    found = read_history(Path("h.csv"), {"user": "who", "amount": "sum", "timestamp": "at"})
    assert (found.rows, found.rejected, found.rejects) == (2, 2, Path("h.csv.rejects.jsonl"))
    assert transactions(found)["user"].to_list() == ["a", "c"]
    assert str(found.left_out) == (
        "2 rows of h.csv can't be mapped and are left out. Row 2: the user is missing. "
        "See h.csv.rejects.jsonl."
    )
    listed = [json.loads(line) for line in Path("h.csv.rejects.jsonl").read_text().splitlines()]
    assert listed == [
        {"row": 2, "reason": "the user is missing", "values": {"who": None, "sum": "1", "at": "2024-01-01"}},
        {
            "row": 3,
            "reason": "the amount -2 is negative",
            "values": {"who": "b", "sum": "-2", "at": "2024-01-01"},
        },
    ]


def test_lines_that_are_no_json_objects_are_rejected_by_their_line_number() -> None:
    good = '{"who": "a", "sum": 1, "at": "2024-01-01"}\n'
    Path("h.jsonl").write_text(good + "\n" + "not json\n" + good)
    found = read_history(Path("h.jsonl"), {"user": "who", "amount": "sum", "timestamp": "at"})
    assert (found.rows, found.rejected) == (2, 1)
    reject = json.loads(Path("h.jsonl.rejects.jsonl").read_text())
    assert (reject["row"], reject["reason"]) == (3, "the line is no JSON object")


def test_a_row_whose_quotes_do_not_close_is_rejected_and_the_rest_goes_on() -> None:
    rows = [
        'a,1,2024-01-01,"two',
        'lines"',
        'b,2,2024-01-01,"open',
        "c,3,2024-01-01,x",
        'd,4,2024-01-01,3" pipe',
    ]
    Path("h.csv").write_text("\n".join(["who,sum,at,what", *rows, "e,5,2024-01-01,"]))
    mapping = {"user": "who", "amount": "sum", "timestamp": "at", "merchant": "what"}

    found = read_history(Path("h.csv"), mapping)

    assert transactions(found)["user"].to_list() == ["a", "c", "e"]
    assert transactions(found)["merchant"].to_list() == ["two\nlines", "x", None]
    rejects = [json.loads(line) for line in Path("h.csv.rejects.jsonl").read_text().splitlines()]
    assert [(each["row"], each["reason"]) for each in rejects] == [(2, quotes.FAULT), (4, quotes.FAULT)]


def test_a_second_run_without_rejects_removes_the_list_of_the_first() -> None:
    stale = Path("h.parquet.rejects.jsonl")
    stale.write_text("{}")
    found = read_history(saved(rows(3)), MAPPING)
    assert (found.rejects, found.left_out) == (None, None)
    assert not stale.exists()


def test_the_list_of_rejects_never_replaces_the_history_itself() -> None:
    with pytest.raises(InputError, match="can't be written over the history"):
        read_history(saved(rows(3)), MAPPING, rejects=Path("h.parquet"))


def test_a_file_of_which_no_row_can_be_mapped_is_refused_with_the_first_reason() -> None:
    with pytest.raises(InputError, match=r"None of the 3 rows .* Row 1: the amount 't0' is not a number"):
        read_history(saved(rows(3)), {**MAPPING, "amount": "id"})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "There is no file none.csv"),
        ("folder.csv", "/", "is a folder"),
        ("h.xlsx", b"x", "ends in '.xlsx'; a history is read from .csv"),
        ("empty.csv", b"", "empty.csv is empty"),
        ("h.parquet", b"no parquet at all", "h.parquet can't be read as parquet"),
        ("h.parquet.gz", b"x", "ends in '.parquet.gz'; a history is read from .csv"),
        ("h.csv.gz", b"id,who,sum,at\n", "h.csv.gz can't be read as csv.gz"),
        ("h.csv.gz", gzip.compress(b"id,who,sum,at\n" * 9, mtime=0)[:-9], "h.csv.gz can't be read as csv.gz"),
        ("h.jsonl", b"[1]\n", "no JSON object in its first"),
        ("h.csv", "id,who,sum,at\n".encode("utf-16"), "h.csv is UTF-16; save it as UTF-8"),
        ("header.csv", b"id,who,sum,at\n", "header.csv has no rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_what_is_wrong(
    name: str, content: object, says: str
) -> None:
    if content == "/":
        Path(name).mkdir()
    elif isinstance(content, bytes):
        Path(name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_history(Path(name), MAPPING)
    assert says in str(caught.value)


def test_reading_it_again_gives_the_same_stream() -> None:
    found = read_history(saved(rows(30)), MAPPING, label="bad")
    assert transactions(found).equals(transactions(found))
    assert labels(found).equals(labels(found))


def test_an_amount_with_a_comma_and_no_quotes_is_rejected_and_does_not_become_1() -> None:
    Path("h.csv").write_text(
        "who,sum,at\nu1,5,2024-01-01\nu1,1,076.39,2024-01-02\nu1,7,2024-01-03\nu1,8\n", encoding="utf-8"
    )
    found = read_history(Path("h.csv"), {"user": "who", "amount": "sum", "timestamp": "at"})
    assert transactions(found)["amount"].to_list() == [5.0, 7.0]
    assert found.rejects is not None
    rejects = [json.loads(line) for line in found.rejects.read_text().splitlines()]
    assert [(each["row"], each["reason"]) for each in rejects] == [
        (2, "the row has 4 values, the header 3"),
        (4, "the row has 2 values, the header 3"),
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("who,sum,at", "{},{},{},"),
        ("who,sum,at,", "{},{},{}"),
        ("who,sum,at,", "{},{},{},"),
        ("who;sum;at;;", "{};{};{};"),
        ('"who","sum","at",""', '"{}","{}","{}"'),
    ],
)
def test_separators_at_the_end_of_lines_or_of_the_header_alone_are_no_fault(header: str, row: str) -> None:
    lines = (row.format("u1", amount, "2024-01-01") for amount in (5, 6))
    Path("h.csv").write_text("\n".join([header, *lines]))
    found = read_history(Path("h.csv"), {"user": "who", "amount": "sum", "timestamp": "at"})
    assert transactions(found)["amount"].to_list() == [5.0, 6.0]
    assert found.rejected == 0


def test_a_value_under_a_column_without_a_name_is_one_too_many() -> None:
    Path("h.csv").write_text("who,at,sum,\nu1,2024-01-01,5\nu1,2024-01-02,1,076.39\n")
    found = read_history(Path("h.csv"), {"user": "who", "amount": "sum", "timestamp": "at"})
    assert transactions(found)["amount"].to_list() == [5.0]
    assert found.left_out is not None
    assert found.left_out.first == "Row 2: the row has 4 values, the header 3"


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("last", ["ok", '"of two\nlines"', '"open'])
def test_blank_lines_before_the_header_change_no_row_s_number(separator: str, last: str) -> None:
    rows = ["who,sum,at,note", "u1,1,076.39,2024-01-01,x", "u9,7,2024-01-03,ok", f"u2,6,2024-01-02,{last}"]
    Path("h.csv").write_text("\n".join(["", "", *rows, "u3,8,2024-01-04,ok"]).replace(",", separator))
    found = read_history(Path("h.csv"), {"user": "who", "amount": "sum", "timestamp": "at"})
    assert transactions(found)["user"].sort().to_list() == (
        ["u3", "u9"] if last == '"open' else ["u2", "u3", "u9"]
    )
    assert found.left_out is not None
    assert found.left_out.first == "Row 1: the row has 5 values, the header 4"


def test_rows_that_repeat_an_id_are_counted_and_the_first_is_named() -> None:
    twice = rows(9).with_columns(id=pl.Series(["a", "b", "c", "b", "d", "a", "e", "b", "f"]))
    found = read_history(saved(twice), MAPPING, label="bad")
    assert found.repeats is not None
    assert "3 rows of h.parquet repeat the transaction_id" in found.repeats
    assert "row 4, the first, has 'b'" in found.repeats
    assert found.rows == 9


def test_ids_that_are_made_of_row_numbers_repeat_none() -> None:
    mapping = {field: column for field, column in MAPPING.items() if field != "transaction_id"}
    assert read_history(saved(rows(9)), mapping).repeats is None
    assert read_history(saved(rows(9)), MAPPING).repeats is None


def test_a_header_with_spaces_after_its_commas_can_be_mapped() -> None:
    Path("h.csv").write_text("id, who, sum, at, bad\nt1,u1,5,2024-01-01,1\n", encoding="utf-8")
    found = read_history(Path("h.csv"), MAPPING, label="bad", scenario="who")
    assert transactions(found)["user"].to_list() == ["u1"]
    assert labels(found)["label"].to_list() == ["fraud"]


def test_it_knows_by_when_nearly_all_of_it_has_happened() -> None:
    odd = rows(100).with_columns(at=pl.when(pl.col("id") == "t99").then(START + 900 * DAY).otherwise("at"))
    assert read_history(saved(odd), MAPPING).late == START + 94 * DAY
