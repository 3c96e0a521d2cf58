import pytest

from fraud_core.errors import InputError
from fraud_producer.replay.mapping import as_in_file, check_mapping, parse_mapping

COLUMNS = ["TX_ID", "CUSTOMER_ID", "TX_AMOUNT", "TX_DATETIME"]
COMPLETE = {"user": "CUSTOMER_ID", "amount": "TX_AMOUNT", "timestamp": "TX_DATETIME"}


def test_pairs_may_be_given_together_or_one_by_one() -> None:
    assert parse_mapping(["user=A, amount=B", "timestamp=C"]) == {
        "user": "A",
        "amount": "B",
        "timestamp": "C",
    }


def test_a_column_may_have_commas_spaces_and_equals_signs_in_its_name() -> None:
    mapping = parse_mapping(["user=Name, first,amount=Sum = total"])
    assert mapping == {"user": "Name, first", "amount": "Sum = total"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("user", "'user' is not of the form field=COLUMN"),
        ("user=", "not of the form field=COLUMN"),
        ("usr=A", "no field 'usr'. Did you mean user?"),
        ("CUSTOMER=user", "the other way round: user=CUSTOMER"),
        ("user=A,user=B", "user is given twice, as A and as B"),
    ],
)
def test_a_malformed_pair_is_refused_with_advice(text: str, says: str) -> None:
    with pytest.raises(InputError, match="--map") as caught:
        parse_mapping([text])
    assert says in str(caught.value)


def test_a_complete_mapping_of_existing_columns_passes() -> None:
    check_mapping(COMPLETE, "TX_ID", COLUMNS, "f.csv")


def test_a_column_that_the_file_lacks_is_named_with_a_close_match_and_what_there_is() -> None:
    with pytest.raises(InputError) as caught:
        check_mapping({**COMPLETE, "user": "customer"}, None, COLUMNS, "f.csv")
    assert str(caught.value) == (
        "f.csv has no column 'customer' (for user). Did you mean CUSTOMER_ID? "
        "Its columns: TX_ID, CUSTOMER_ID, TX_AMOUNT, TX_DATETIME."
    )


def test_a_label_column_that_the_file_lacks_is_named() -> None:
    with pytest.raises(InputError, match=r"no column 'TX_FRAUD' \(for --label\)"):
        check_mapping(COMPLETE, "TX_FRAUD", COLUMNS, "f.csv")


def test_unmapped_fields_that_every_transaction_needs_are_named_with_a_likely_mapping() -> None:
    with pytest.raises(InputError, match="Add --map user=CUSTOMER_ID,timestamp=TX_DATETIME"):
        check_mapping({"amount": "TX_AMOUNT"}, None, COLUMNS, "f.csv")


@pytest.mark.parametrize(
    ("columns", "meant"),
    [(["when", " who "], " who "), (["who", " who"], "who"), ([" who", "who "], "who"), (["when"], "who")],
)
def test_spaces_around_a_name_in_the_file_need_not_be_written(columns: list[str], meant: str) -> None:
    assert as_in_file("who", columns) == meant
