"""What goes to the topics: valid records, and nothing that only the simulator knows."""

import io

import fastavro
import numpy as np
import polars as pl
import pytest

from fraud_core.avro import Encoder
from fraud_core.avro.types import polars_schema, to_arrow
from fraud_core.schemas import schema
from fraud_detector.validate import faults
from fraud_producer.simulator import SimulatorSettings, simulate
from fraud_producer.simulator.rows import Rows
from fraud_producer.slices import TRUTH_SCHEMA
from tests.support.simulating import DAY, SCENARIOS, START, Simulated, simulated

OPTIONAL = ("location", "device", "device_id", "ip", "merchant_category", "latitude", "session_started_at")


def world() -> Simulated:
    return simulated(30, seed=5, customers=3_000, fraud_share=0.02)


def test_frames_have_the_schemas_of_the_topics() -> None:
    for piece in simulate(SimulatorSettings(customers=20), START, START + 3 * DAY, step=DAY):
        assert piece.transactions.schema == polars_schema("Transaction")
        assert piece.labels.schema == polars_schema("Label")
        assert piece.truth.schema == TRUTH_SCHEMA


@pytest.mark.parametrize("name", ["Transaction", "Label"])
def test_every_record_is_one_that_avro_reads_back(name: str) -> None:
    frame = world().transactions[:2_000] if name == "Transaction" else world().labels[:2_000]
    parsed = fastavro.parse_schema(schema(name))
    for record, wanted in zip(Encoder(name, 1).encode(frame), frame.iter_rows(named=True), strict=True):
        read = fastavro.schemaless_reader(io.BytesIO(record[5:]), parsed, None)
        assert isinstance(read, dict)
        assert {key: value for key, value in read.items() if isinstance(value, str | float)} == {
            key: value for key, value in wanted.items() if isinstance(value, str | float)
        }


def test_the_detector_finds_no_fault_with_any_transaction() -> None:
    transactions = world().transactions
    kafka_times = transactions["timestamp"].to_physical().to_list()
    assert faults(to_arrow(transactions, "Transaction"), kafka_times) == {}


def test_transaction_ids_are_never_used_twice() -> None:
    assert world().transactions["transaction_id"].is_unique().all()


def test_truth_stands_beside_the_transactions_row_by_row() -> None:
    for piece in simulate(SimulatorSettings(customers=100, fraud_share=0.1), START, START + 3 * DAY):
        assert piece.truth["transaction_id"].to_list() == piece.transactions["transaction_id"].to_list()
        assert piece.truth["amount"].to_list() == piece.transactions["amount"].to_list()
        assert (piece.truth["fraud"] == piece.truth["scenario"].is_not_null()).all()


def test_no_field_of_the_stream_is_one_that_only_the_simulator_knows() -> None:
    latent = {"slot", "scenario", "fraud", "payee", "session", "home", "work", "rate", "spending", "hours"}
    assert latent & set(Rows.__dataclass_fields__), "the names that are looked for are the simulator's own"
    for frame in (world().transactions, world().labels):
        assert not latent & set(frame.columns)


def test_no_text_of_the_stream_names_a_scenario() -> None:
    for frame in (world().transactions, world().labels):
        for column in frame.select(pl.col(pl.String)).columns:
            distinct = frame[column].drop_nulls().unique().str.to_lowercase()
            assert not distinct.str.contains_any([*SCENARIOS, "scenario", "truth"]).any(), column


@pytest.mark.parametrize("column", ["transaction_id", "user", "device_id", "merchant", "ip"])
def test_identifiers_look_alike_whoever_made_them(column: str) -> None:
    shapes = [
        set(rows[column].drop_nulls().str.replace_all(r"[0-9a-f]{8,16}|\d{1,3}", "#").unique())
        for rows in (world().honest, world().frauds)
    ]
    assert shapes[1] <= shapes[0]


@pytest.mark.parametrize(
    ("column", "digits"), [("transaction_id", 16), ("user", 10), ("device_id", 12), ("merchant", 8)]
)
def test_identifiers_say_neither_when_they_were_made_nor_for_whom(column: str, digits: int) -> None:
    rows = world().rows.drop_nulls(column).unique(column, keep="first", maintain_order=True)
    rank = rows[column].str.slice(-digits).rank("ordinal").to_numpy() / rows.height
    order = np.arange(rows.height) / rows.height
    fraud = rows["fraud"].to_numpy()
    assert abs(float(np.corrcoef(rank, order)[0, 1])) < 4 / np.sqrt(rows.height)
    assert abs(rank[fraud].mean() - 0.5) < 4 * 0.29 / np.sqrt(fraud.sum())


@pytest.mark.parametrize("column", OPTIONAL)
def test_fields_are_left_out_as_often_in_fraud_as_in_honest_payments_of_the_same_sort(column: str) -> None:
    """In shops and online apart: a terminal has neither address nor session."""
    rows = world().rows.filter(pl.col("txn_type") == "purchase")
    online = rows.filter(pl.col("session_started_at").is_not_null() | pl.col("ip").is_not_null())
    in_shops = rows.filter(pl.col("session_started_at").is_null() & pl.col("ip").is_null())
    at_issue = [in_shops] if column == "latitude" else [online, in_shops]
    # A phone held to a terminal is the honest customer's own; position online is the honest one's to share.
    at_issue = [online] if column == "device_id" else at_issue
    for sort in at_issue:
        missing = [sort.filter(pl.col("fraud") == fraud)[column].is_null().mean() for fraud in (False, True)]
        assert missing[0] == pytest.approx(missing[1], abs=0.03)


def test_amounts_are_whole_cents_and_from_cash_machines_whole_notes() -> None:
    amounts = world().transactions["amount"]
    assert ((amounts * 100 - (amounts * 100).round()).abs() < 1e-6).all()
    notes = world().transactions.filter(pl.col("txn_type") == "withdrawal")["amount"]
    assert (notes % 10 == 0).all()
