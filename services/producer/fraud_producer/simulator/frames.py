"""Rows of numbers as frames of the schemas: the only way out of the simulator."""

import numpy as np
import polars as pl

from fraud_core.schemas import field_names
from fraud_producer.simulator.categories import NAMES
from fraud_producer.simulator.ids import hex_ids, key_of
from fraud_producer.simulator.rows import NONE, Device, Floats, Ints, Kind, Rows
from fraud_producer.simulator.scene import Scenario
from fraud_producer.simulator.world import World
from fraud_producer.slices import TRUTH_SCHEMA

_MOMENT = pl.Datetime("ms")
_OCTETS = pl.Series([str(octet) for octet in range(256)])
_KINDS = pl.Series([kind.name.lower() for kind in Kind])
_DEVICES = pl.Series([device.name.lower() for device in Device])
_SCENARIOS = pl.Series([scenario.name.lower() for scenario in Scenario])
_CATEGORIES = pl.Series(NAMES)


def transactions_of(world: World, rows: Rows, numbers: Ints, id_key: int) -> pl.DataFrame:
    """The transaction frame of these rows.

    Args:
        world: where they happened.
        rows: in event-time order.
        numbers: running number of each transaction in the stream.
        id_key: key of the stream's transaction ids.
    """
    seed, places = world.settings.seed, world.places
    columns = {
        "transaction_id": hex_ids(numbers, id_key),
        "user": hex_ids(rows.user, key_of(seed, "user"), prefix="user-", digits=10),
        "amount": pl.Series(rows.amount),
        "timestamp": pl.Series(rows.time).cast(_MOMENT),
        "location": _named(pl.Series(places.countries), rows.country),
        "device": _named(_DEVICES, rows.device),
        "merchant": _merchants(world, rows),
        "txn_type": _named(_KINDS, rows.kind),
        "currency": _named(pl.Series(places.currencies), rows.currency),
        "ip": _addresses(rows.ip),
        "device_id": _known(
            hex_ids(rows.device_id, key_of(seed, "device"), prefix="dev-", digits=12), rows.device_id
        ),
        "latitude": _fractions(rows.latitude),
        "longitude": _fractions(rows.longitude),
        "merchant_category": _named(_CATEGORIES, rows.category),
        "session_started_at": _known(pl.Series(rows.session), rows.session).cast(_MOMENT),
    }
    return pl.DataFrame(columns).select(field_names("Transaction"))


def truth_of(rows: Rows, transactions: pl.DataFrame) -> pl.DataFrame:
    """What these transactions really are, columns TRUTH_SCHEMA."""
    scenario = _named(_SCENARIOS, rows.scenario)
    columns = {
        "transaction_id": transactions["transaction_id"],
        "fraud": scenario.is_not_null(),
        "scenario": scenario,
        "amount": transactions["amount"],
    }
    return pl.DataFrame(columns, schema=TRUTH_SCHEMA)


def _merchants(world: World, rows: Rows) -> pl.Series:
    """Who gets the money: a merchant, or the account of another customer."""
    merchants = _named(world.merchants.name, rows.merchant)
    paid = np.flatnonzero(rows.payee != NONE)
    accounts = hex_ids(rows.payee[paid], key_of(world.settings.seed, "account"), prefix="account-", digits=10)
    return merchants.scatter(paid, accounts)


def _named(names: pl.Series, positions: Ints) -> pl.Series:
    return names.gather(_known(pl.Series(positions), positions))


def _known(values: pl.Series, numbers: Ints) -> pl.Series:
    return values.set(pl.Series(numbers == NONE), None)


def _fractions(values: Floats) -> pl.Series:
    return pl.Series(values).fill_nan(None)


def _addresses(numbers: Ints) -> pl.Series:
    octets = [_OCTETS.gather(numbers >> shift & 255) for shift in (24, 16, 8, 0)]
    return _known(pl.select(pl.concat_str(octets, separator=".")).to_series(), numbers)
