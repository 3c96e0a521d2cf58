"""Says with an error about a history which of its rows were left out: that may be why."""

from collections.abc import Iterator
from contextlib import contextmanager

from fraud_core.errors import InputError
from fraud_producer.replay import LeftOut


@contextmanager
def said_with_errors(left_out: LeftOut | None) -> Iterator[None]:
    """Add what was left out, and why, to what is wrong with the rest.

    Raises:
        InputError: the one that was raised inside, with that at its end.
    """
    try:
        yield
    except InputError as error:
        if left_out is None:
            raise
        raise InputError(f"{error} {left_out}") from error
