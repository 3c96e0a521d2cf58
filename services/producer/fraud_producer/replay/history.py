"""Anybody's own history as a stream: transactions in event-time order, and labels as they become known.

The file is read twice: a survey counts, rejects what can't be a transaction and sees whether the rows are in
order; then the slices are read one after another. A file that is in order takes memory for a few slices and
the labels on their way; another one is sorted first, which takes memory for its mapped columns.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import polars as pl

from fraud_core.errors import InputError
from fraud_core.schemas import field_names
from fraud_producer.replay.convert import LABEL, REASON, text, transactions
from fraud_producer.replay.files import FAULT, ROW, open_history, unreadable
from fraud_producer.replay.labels import NO_LABELS, in_parts, known_by, labels_of
from fraud_producer.replay.mapping import as_in_file, check_mapping
from fraud_producer.slices import TRUTH_SCHEMA, Slice

SLICE_ROWS = 20_000
LATE = 0.95
"""A share of the transactions; a few that come later may be wrong dates."""
_RAW = "\0raw"
_SCENARIO = "\0scenario"
_ID_HASH = pl.col("transaction_id").hash()
"""Instead of the ids themselves, which would take as much memory as the file."""


@dataclass(frozen=True)
class LeftOut:
    """Rows of a file that can't be mapped.

    Attributes:
        rows: how many.
        file: where they are.
        first: number of the first of them, and what is wrong with it.
        listed: where all are, with their reasons.
    """

    rows: int
    file: Path
    first: str
    listed: Path

    def __str__(self) -> str:
        """In words."""
        rows, are = ("1 row", "is") if self.rows == 1 else (f"{self.rows:,} rows", "are")
        return f"{rows} of {self.file} can't be mapped and {are} left out. {self.first}. See {self.listed}."


@dataclass(frozen=True)
class History:
    """A file that has been surveyed; iterating reads it, as often as wanted.

    Attributes:
        path: the file.
        rows: transactions that it has.
        rejected: rows that can't be mapped.
        rejects: where these are listed, with their row numbers and reasons; None if there are none.
        left_out: the same with the first of them; None if there are none.
        repeats: in words, how many rows have the transaction_id of an earlier one; None if none has.
        first: event time of the earliest transaction, naive UTC.
        last: event time of the latest one.
        late: event time by which 95% of them have happened.
        ordered: whether the file is in event-time order, so that it need not be sorted.
    """

    path: Path
    rows: int
    rejected: int
    rejects: Path | None
    left_out: LeftOut | None
    repeats: str | None
    first: datetime
    last: datetime
    late: datetime
    ordered: bool
    _accepted: pl.LazyFrame
    _label_delay: timedelta
    _frauds_only: bool

    def __iter__(self) -> Iterator[Slice]:
        """Yield the history in slices of up to 20,000 transactions; labels still due come at the end.

        Raises:
            InputError: the file can't be read to its end.
        """
        plan = self._accepted if self.ordered else self._accepted.sort("timestamp", maintain_order=True)
        start, pending = self.first, NO_LABELS
        for rows in _batches(plan, self.path):
            end = rows["timestamp"][-1]
            known, pending = known_by(pl.concat([pending, self._labels(rows)]), end)
            yield Slice(start, end, rows.select(field_names("Transaction")), known, _truth(rows))
            start = end
        for part in in_parts(pending, SLICE_ROWS):
            end = part["labelled_at"][-1]
            nothing = rows.clear()
            yield Slice(start, end, nothing.select(field_names("Transaction")), part, _truth(nothing))
            start = end

    def _labels(self, rows: pl.DataFrame) -> pl.DataFrame:
        return labels_of(rows, self._label_delay, self.path.name, frauds_only=self._frauds_only)


def read_history(
    path: Path,
    mapping: Mapping[str, str],
    *,
    label: str | None = None,
    label_delay: timedelta = timedelta(days=7),
    frauds_only: bool = False,
    rejects: Path | None = None,
    scenario: str | None = None,
) -> History:
    """Survey a `.csv`, `.parquet` or `.jsonl` file of transactions.

    Args:
        path: the file.
        mapping: its column by field of the transaction; user, amount and timestamp are needed. Without
            `transaction_id`, ids are made of the file's name and the row's number.
        label: the column that says which rows are fraud.
        label_delay: how long after its transaction a label becomes known.
        frauds_only: leave out the labels of legitimate rows.
        rejects: where to list the rows that can't be mapped; default: `<file name>.rejects.jsonl` in the
            working directory. What an earlier run left there is replaced, and removed if there are none.
        scenario: the column that names the kind of fraud, for reports alone.

    Raises:
        InputError: the file can't be read, a column is missing, or no row can be mapped.
    """
    file = open_history(path)
    columns = file.drop(ROW, FAULT).collect_schema()
    mapping = {field: as_in_file(column, columns.names()) for field, column in mapping.items()}
    label, scenario = (name and as_in_file(name, columns.names()) for name in (label, scenario))
    check_mapping(mapping, label, columns.names(), path.name)
    if scenario is not None:
        check_mapping({**mapping, "--scenario": scenario}, None, columns.names(), path.name)
    listed = rejects or Path(f"{path.name}.rejects.jsonl")
    if listed.resolve() == path.resolve():
        raise InputError(
            f"The rejects can't be written over the history itself, {path}; give --rejects another path."
        )
    unmapped_id = pl.format("{}:{}", pl.lit(path.name), ROW)
    mapped = [*mapping.values(), *([label] if label else [])]
    raw = pl.struct([text(column, columns[column]).alias(column) for column in dict.fromkeys(mapped)])
    kind = text(scenario, columns[scenario]) if scenario else pl.lit(None, dtype=pl.String)
    fields = transactions(mapping, columns, unmapped_id, label)
    converted = file.select(ROW, FAULT, raw.alias(_RAW), *fields, kind.alias(_SCENARIO))
    judged = converted.with_columns(pl.coalesce(FAULT, REASON).alias(REASON)).drop(FAULT)
    return _survey(path, judged, listed, label_delay, frauds_only=frauds_only)


def _survey(
    path: Path, converted: pl.LazyFrame, listed: Path, label_delay: timedelta, *, frauds_only: bool
) -> History:
    good = pl.col(REASON).is_null()
    event = pl.col("timestamp").filter(good)
    found = _collect(
        converted.select(
            rows=good.sum(),
            rejected=(~good).sum(),
            first=event.min(),
            last=event.max(),
            late=event.cast(pl.Int64).quantile(LATE, "nearest").cast(pl.Int64).cast(pl.Datetime("ms")),
            ordered=~(event.cast(pl.Int64).diff() < 0).any(),
            ids=_ID_HASH.filter(good).n_unique(),
        ),
        path,
    ).row(0, named=True)
    rejects = _list_rejects(converted.filter(~good), listed, path) if found["rejected"] else None
    left_out = LeftOut(found["rejected"], path, _first_of(rejects), rejects) if rejects else None
    if not rejects:
        _remove_stale(listed)
    if not found["rows"]:
        raise InputError(_nothing_to_replay(path, left_out))
    repeated = found["rows"] - found.pop("ids")
    return History(
        path,
        **found,
        repeats=_repeats(converted.filter(good), repeated, path) if repeated else None,
        rejects=rejects,
        left_out=left_out,
        _accepted=converted.filter(good),
        _label_delay=label_delay,
        _frauds_only=frauds_only,
    )


def _repeats(accepted: pl.LazyFrame, repeated: int, path: Path) -> str:
    """In words; labels are by id, so that all rows of one share the latest."""
    again = accepted.select(ROW, "transaction_id").filter(_ID_HASH.is_first_distinct().not_())
    first = _collect(again.head(1), path).row(0, named=True)
    rows = "1 row" if repeated == 1 else f"{repeated:,} rows"
    return (
        f"{rows} of {path} {'repeats' if repeated == 1 else 'repeat'} the transaction_id of an earlier one; "
        f"row {first[ROW]}, the first, has {first['transaction_id']!r}. Labels are by id, so rows of one id "
        "share their latest label. Map a column that is unique, or none."
    )


def _list_rejects(rejected: pl.LazyFrame, listed: Path, path: Path) -> Path:
    """Write the rejected rows: number, reason, and the mapped values as they stand in the file."""
    rows = rejected.select(row=ROW, reason=REASON, values=_RAW)
    try:
        rows.sink_ndjson(listed, check_extension=False, engine="streaming")
    except OSError as error:
        raise InputError(f"The rejected rows of {path} can't be written to {listed}: {error}") from error
    except pl.exceptions.PolarsError as error:
        raise unreadable(path, error) from error
    return listed


def _remove_stale(listed: Path) -> None:
    """A list of rejects speaks of the last run; one that is left from an earlier run would mislead."""
    with suppress(OSError):
        listed.unlink(missing_ok=True)


def _first_of(rejects: Path) -> str:
    with rejects.open("rb") as file:
        first = orjson.loads(file.readline())
    return f"Row {first['row']}: {first['reason']}"


def _nothing_to_replay(path: Path, left_out: LeftOut | None) -> str:
    if left_out is None:
        return f"{path} has no rows."
    return (
        f"None of the {left_out.rows:,} rows of {path} can be mapped. {left_out.first}. "
        f"Check --map; all reasons are in {left_out.listed}."
    )


def _batches(plan: pl.LazyFrame, path: Path) -> Iterator[pl.DataFrame]:
    """The plan's rows in frames of up to SLICE_ROWS, none empty."""
    try:
        batches = plan.drop(ROW, _RAW, REASON).collect_batches(chunk_size=SLICE_ROWS, engine="streaming")
        for batch in batches:
            yield from batch.iter_slices(SLICE_ROWS) if batch.height else ()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from error


def _collect(plan: pl.LazyFrame, path: Path) -> pl.DataFrame:
    try:
        return plan.collect(engine="streaming")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from error


def _truth(rows: pl.DataFrame) -> pl.DataFrame:
    truth = rows.select(
        "transaction_id", pl.col(LABEL).alias("fraud"), scenario=pl.col(_SCENARIO), amount="amount"
    )
    return truth.cast(TRUTH_SCHEMA)
