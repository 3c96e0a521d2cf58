from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl
import pytest

from fraud_producer.ahead import ahead
from fraud_producer.slices import Slice

START = datetime(2026, 1, 1)


def endless() -> Iterator[Slice]:
    number = 0
    while True:
        moment = START + timedelta(hours=number)
        yield Slice(moment, moment, pl.DataFrame(), pl.DataFrame(), pl.DataFrame())
        number += 1


def test_slices_come_in_order_and_none_is_lost() -> None:
    given = [piece for piece, _ in zip(endless(), range(20), strict=False)]
    assert list(ahead(given)) == given


def test_an_error_of_the_source_is_raised_where_it_is_met() -> None:
    def failing() -> Iterator[Slice]:
        yield next(endless())
        raise ValueError("the disk is gone")

    coming = ahead(failing())
    next(coming)
    with pytest.raises(ValueError, match="the disk is gone"):
        next(coming)


def test_an_endless_source_can_be_left() -> None:
    coming = ahead(endless())
    next(coming)
    coming.close()
