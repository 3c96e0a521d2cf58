from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_core.errors import RuleError
from fraud_core.rules.columns import rule_columns
from fraud_core.rules.expression import FUNCTIONS, KEYWORDS, compile_expression
from fraud_core.rules.rule import Place

HERE = Place(Path("rules.yaml"), 7, "mine")


@pytest.mark.parametrize(
    "text",
    [
        "amount > 400",
        "previous_location <> location AND seconds_since_location <= 7200",
        "merchant IN ('XYZ_Merchant', 'UnknownShop')",
        "user = 'John'",
        '"timestamp" IS NOT NULL',
        "NOT (amount BETWEEN 1 AND 5) OR location IS NULL",
        "merchant LIKE 'XYZ%' AND amount_sum_1h / txn_per_hour > .5e2",
        "CASE WHEN txn_type = 'purchase' THEN amount > 400 ELSE amount > 1000 END",
        "COALESCE(amount_zscore_30d, 0) > 3",
        "LOWER(merchant) = 'it''s'",
        "amount - -1 > 3",
        "merchant IN (" + ", ".join(f"'{number}'" for number in range(5_000)) + ")",
    ],
)
def test_conditions_on_the_transaction_itself_are_accepted(text: str) -> None:
    frame = pl.DataFrame(schema=rule_columns())

    assert frame.select(compile_expression(text, HERE)).dtypes == [pl.Boolean]


@pytest.mark.parametrize(
    "text",
    [
        "amount > AVG(amount)",
        "COUNT(*) > 1",
        "FIRST(amount) > 1",
        "RANK() OVER (ORDER BY amount) = 1",
        "ROW_NUMBER() OVER () > 2",
        "amount > LAG(amount) OVER (ORDER BY timestamp)",
        "amount > (SELECT 1)",
        "EXISTS (SELECT 1)",
        "UNNEST(amount) > 3",
        "COLUMNS('amount') > 3",
    ],
)
def test_what_looks_at_other_transactions_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match=r"not allowed|no column|not understood"):
        compile_expression(text, HERE)


@pytest.mark.parametrize(
    "text",
    [
        "NOW() > timestamp",
        "CURRENT_TIMESTAMP > timestamp",
        "RANDOM() > 0.5",
        "READ_CSV('secrets.csv') > 1",
        "amount > 1 AND ENV('HOME') = 'x'",
    ],
)
def test_clock_chance_files_and_environment_are_out_of_reach(text: str) -> None:
    with pytest.raises(RuleError, match=r"is not allowed|there is no column"):
        compile_expression(text, HERE)


@pytest.mark.parametrize("text", ["CAST(location AS DOUBLE) > 1", "location::DOUBLE > 1"])
def test_a_cast_is_refused_for_it_fails_on_some_values(text: str) -> None:
    with pytest.raises(RuleError):
        compile_expression(text, HERE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amount >", "is no SQL condition"),
        ("amount > 1 AND", "is no SQL condition"),
        ("(amount > 1", "is no SQL condition"),
        ("amount > 1; DROP TABLE x", "`; DROP TABLE x` is not understood"),
        ("location = 'US", "`'US` is not understood"),
        ("amount > 1 -- high", "write comments in YAML"),
        ("amount > 1 merchant", "an operator is missing before its last word"),
        ("amount", "it gives a number, and a condition must be true or false"),
        ("location", "it gives a text, and a condition must be true or false"),
        ("amount > 'abc'", "cannot compare string with numeric type"),
        ("location = 5", "cannot compare string with numeric type"),
        ("1 = 1", "reads no column"),
        ("merchant = NULL", "Write `column IS NULL`"),
        ("AMOUNT > 1", "there is no column `AMOUNT`. Did you mean `amount`?"),
        ("SQRT(amount) > 1", "the function `SQRT` is not allowed"),
        (" OR ".join(["amount = 1"] * 600), "more than 500 operators"),
    ],
)
def test_a_fault_is_explained(text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_expression(text, HERE)

    assert str(caught.value).startswith("rules.yaml, line 7 in rule `mine`: ")
    assert message in str(caught.value)


NAMES = ["amount", "location", "user", "timestamp", "1", "0.5", "''", "'US'"]
CALLS = [f"{name}(" for name in sorted(FUNCTIONS)]
WORDS = st.sampled_from([*sorted(KEYWORDS), *CALLS, *NAMES, *"(),=<>+-*/%", "<>", "||"])


@given(st.lists(WORDS, max_size=8).map(" ".join))
def test_whatever_is_written_is_a_condition_or_a_rule_error(text: str) -> None:
    try:
        condition = compile_expression(text, HERE)
    except RuleError:
        return
    assert pl.DataFrame(schema=rule_columns()).select(condition).dtypes == [pl.Boolean]
