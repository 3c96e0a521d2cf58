"""How dead letters are shown."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fraud_local.dlq.printing import DUMPED, counts, dump


@given(st.binary(max_size=DUMPED))
def test_a_dump_has_every_byte_and_nothing_that_a_terminal_acts_on(raw: bytes) -> None:
    lines = list(dump(raw))

    assert b"".join(bytes.fromhex(line[10:57]) for line in lines) == raw
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_a_long_value_is_cut_and_the_rest_counted() -> None:
    *_, last = dump(bytes(DUMPED + 1_234))

    assert last.startswith("  ... and 1,234 bytes more")


def test_reasons_are_counted_the_most_frequent_first() -> None:
    text = counts(Counter({("A", "x: \x1b[2J"): 2, ("B", "y"): 1_500}))

    assert text.splitlines() == ["   1,500  B  y", r"       2  A  x: \x1b[2J"]
