"""Writes what is true of the transactions that were produced, for whoever judges a detector."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from fraud_core.errors import ConfigError
from fraud_producer.stream import OnSent, Sent


@contextmanager
def written(path: Path | None) -> Iterator[OnSent]:
    """Write JSON lines as transactions go: transaction_id, fraud, scenario, amount, produced_at (ms).

    The file is begun anew, and lines are complete as soon as they are there. None writes nothing.

    Raises:
        ConfigError: the file can't be written.
    """
    if path is None:
        yield lambda _: None
        return
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigError(
            f"--truth: {path} can't be written ({error.strerror}). Give another path."
        ) from error
    with file:

        def write(sent: Sent) -> None:
            lines = sent.truth.with_columns(produced_at=pl.lit(sent.produced_at, dtype=pl.Int64))
            try:
                lines.write_ndjson(file)
                file.flush()
            except (OSError, pl.exceptions.PolarsError) as error:
                raise ConfigError(f"--truth: {path} can't be written any further ({error}).") from error

        yield write
