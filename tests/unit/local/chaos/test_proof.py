"""The proof finds whatever is not as it should be, and nothing where all is."""

import math
from datetime import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_local.chaos.load import PRODUCED
from fraud_local.chaos.outcome import LETTERS, Outcome
from fraud_local.chaos.proof import FIRST, Differences, prove

NAMES = [f"t{number}" for number in range(20)]
POISON = ["poison-1", "poison-2"]
WRONG = datetime(2026, 1, 2)
AT, FIRST_AT = "0:7 at 00:00:00.000", "0:0 at 00:00:00.000"


def produced() -> pl.DataFrame:
    rows = [(name, False) for name in NAMES] + [(name, True) for name in POISON]
    return pl.DataFrame(rows, schema=PRODUCED, orient="row")


def outcome(pipeline: str = "chaos", day: int = 1) -> Outcome:
    numbers = range(len(NAMES))
    decisions = pl.DataFrame(
        {
            "transaction_id": NAMES,
            "amount": [float(number) for number in numbers],
            "score": [0.5 if number % 3 else None for number in numbers],
            "reason": [["High amount"] if number % 2 else [] for number in numbers],
            "features": [
                {"amount": float(number), "amount_z_30d": math.nan if number % 5 else None}
                for number in numbers
            ],
            "source_partition": [0] * len(NAMES),
            "source_offset": list(numbers),
            "decided_at": [datetime(2026, 1, day)] * len(NAMES),
            "pipeline": [pipeline] * len(NAMES),
            "produced_at": [1] * len(NAMES),
        }
    )
    letters = [(name, 0, 20 + place, "VALUE_CONVERTER", b"\x01") for place, name in enumerate(POISON)]
    return Outcome(decisions, pl.DataFrame(letters, schema=LETTERS, orient="row"))


def differences(disturbed: Outcome, undisturbed: Outcome | None = None) -> Differences:
    return prove(produced(), disturbed, undisturbed or outcome("calm", day=2))


def decisions(frame: pl.DataFrame) -> Outcome:
    return Outcome(frame, outcome().letters)


def letters(frame: pl.DataFrame) -> Outcome:
    return Outcome(outcome().decisions, frame)


def changed(column: str, value: object, name: str = "t7") -> Outcome:
    rows = outcome().decisions.to_dicts()
    for row in rows:
        if row["transaction_id"] == name:
            row[column] = value
    return decisions(pl.DataFrame(rows, schema=outcome().decisions.schema))


def test_nothing_is_found_where_all_is_well_in_whatever_order_it_came() -> None:
    shuffled = Outcome(outcome().decisions.reverse(), outcome().letters.reverse())

    assert differences(shuffled) == Differences(0, ())


def test_a_missing_decision_is_found() -> None:
    found = differences(decisions(outcome().decisions.filter(pl.col("transaction_id") != "t7")))

    assert found == Differences(1, ("disturbed run: transaction t7 has 0 decisions and 0 dead letters",))


def test_a_doubled_decision_is_found_although_both_are_right() -> None:
    rows = outcome().decisions

    found = differences(decisions(pl.concat([rows, rows.slice(7, 1)])))

    assert found == Differences(
        1, (f"disturbed run: transaction t7 has 2 decisions and 0 dead letters ({AT} and {AT})",)
    )


def test_a_decision_for_something_that_was_never_produced_is_found() -> None:
    ghost = outcome().decisions.head(1).with_columns(transaction_id=pl.lit("ghost"))

    found = differences(decisions(pl.concat([outcome().decisions, ghost])))

    assert found == Differences(
        1, (f"disturbed run: unknown record ghost has 1 decisions and 0 dead letters ({FIRST_AT})",)
    )


def test_who_else_was_met_on_a_device_may_differ_as_it_depends_on_when_others_are_heard_of() -> None:
    heard, unheard = (
        decisions(
            outcome().decisions.with_columns(
                features=pl.struct(device_users_1d=pl.lit(count), amount="amount")
            )
        )
        for count in (2.0, 1.0)
    )

    assert prove(produced(), heard, unheard) == Differences(0, ())


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("score", 0.5000001, "score is 0.5000001, undisturbed 0.5"),
        ("amount", 7.5, "amount is 7.5, undisturbed 7.0"),
        ("score", None, "score is None, undisturbed 0.5"),
        ("reason", [], "reason is [], undisturbed ['High amount']"),
        ("source_offset", 8, "source_offset is 8, undisturbed 7"),
        ("features", {"amount": 7.5, "amount_z_30d": math.nan}, "features.amount is 7.5, undisturbed 7.0"),
        ("features", {"amount": 7.0, "amount_z_30d": None}, "features.amount_z_30d is None, undisturbed nan"),
    ],
)
def test_a_changed_field_is_found_and_named(column: str, value: object, text: str) -> None:
    assert differences(changed(column, value)) == Differences(1, (f"decision of t7: {text}",))


@pytest.mark.parametrize(("column", "value"), [("decided_at", WRONG), ("pipeline", "x"), ("produced_at", 2)])
def test_what_two_pipelines_may_differ_in_is_no_difference(column: str, value: object) -> None:
    assert differences(changed(column, value)) == Differences(0, ())


def test_a_good_transaction_among_the_dead_letters_is_found() -> None:
    more = outcome().letters.head(1).with_columns(transaction_id=pl.lit("t7"))

    found = differences(letters(pl.concat([outcome().letters, more])))

    assert found == Differences(
        1, (f"disturbed run: transaction t7 has 1 decisions and 1 dead letters ({AT})",)
    )


def test_poison_that_was_decided_or_lost_is_found() -> None:
    decided = outcome().decisions.head(1).with_columns(transaction_id=pl.lit("poison-1"))

    both = differences(decisions(pl.concat([outcome().decisions, decided])))
    lost = differences(letters(outcome().letters.head(1)))

    assert both.first == (f"disturbed run: poison poison-1 has 1 decisions and 1 dead letters ({FIRST_AT})",)
    assert lost.first == ("disturbed run: poison poison-2 has 0 decisions and 0 dead letters",)


def test_a_dead_letter_with_other_bytes_is_found() -> None:
    found = differences(letters(outcome().letters.with_columns(value=pl.lit(b"\x02"))))

    assert found.count == 2
    assert found.first[0] == r"dead letter of poison-1: value is b'\x02', undisturbed b'\x01'"


def test_an_undisturbed_run_that_is_not_whole_proves_nothing() -> None:
    found = differences(outcome(), decisions(outcome("calm").decisions.head(19)))

    assert found.first == ("undisturbed run: transaction t19 has 0 decisions and 0 dead letters",)


def test_all_differences_are_counted_and_the_first_are_told() -> None:
    found = differences(decisions(outcome().decisions.clear()))

    assert found.count == len(NAMES)
    assert len(found.first) == FIRST


@given(st.lists(st.sampled_from(NAMES), max_size=30))
def test_any_loss_and_any_doubling_is_found(names: list[str]) -> None:
    rows = outcome().decisions
    dealt = pl.concat([rows.clear(), *(rows.filter(pl.col("transaction_id") == name) for name in names)])

    wrong = sum(names.count(name) != 1 for name in NAMES)

    assert differences(decisions(dealt)).count == wrong
