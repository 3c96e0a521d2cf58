"""Last touches that all transactions get alike, honest or not: prices as people know them, and gaps."""

from dataclasses import replace

import numpy as np

from fraud_producer.simulator.chance import happens
from fraud_producer.simulator.rows import NONE, Bools, Floats, Ints, Kind, Rows

_LEAST, _MOST = 0.5, 25_000.0
_NINETY_NINE_SHARE, _WHOLE_SHARE = 0.22, 0.06
_NOTE = 10.0
# Shares of transactions whose source leaves the field out.
_NO_COUNTRY, _NO_DEVICE, _NO_DEVICE_ID, _NO_IP = 0.01, 0.015, 0.05, 0.03
_NO_CATEGORY, _NO_POSITION, _NO_SESSION = 0.03, 0.08, 0.04


def with_details(rows: Rows, rng: np.random.Generator) -> Rows:
    """The rows with amounts to the cent and some fields unknown, at the same rates for everybody."""
    kept = _positions_kept(rows, rng)
    return replace(
        rows,
        amount=_prices(rows, rng),
        country=_thinned(rows.country, _NO_COUNTRY, rng),
        device=_thinned(rows.device, _NO_DEVICE, rng),
        device_id=_thinned(rows.device_id, _NO_DEVICE_ID, rng),
        ip=_thinned(rows.ip, _NO_IP, rng),
        category=_thinned(rows.category, _NO_CATEGORY, rng),
        session=_thinned(rows.session, _NO_SESSION, rng),
        latitude=np.where(kept, rows.latitude.round(5), np.nan),
        longitude=np.where(kept, rows.longitude.round(5), np.nan),
    )


def _prices(rows: Rows, rng: np.random.Generator) -> Floats:
    amount = np.clip(rows.amount, _LEAST, _MOST)
    habit = rng.random(len(rows))
    whole = np.maximum(1.0, amount.round())
    ninety_nine = np.where(amount > 1, np.floor(amount) + 0.99, amount)
    sold = rows.kind == Kind.PURCHASE
    cents = np.select(
        [sold & (habit < _NINETY_NINE_SHARE), habit < _NINETY_NINE_SHARE + _WHOLE_SHARE],
        [ninety_nine, whole],
        amount,
    )
    notes = np.maximum(1.0, (amount / _NOTE).round()) * _NOTE
    return np.where(rows.kind == Kind.WITHDRAWAL, notes, cents).round(2)


def _thinned(values: Ints, share: float, rng: np.random.Generator) -> Ints:
    return np.where(happens(rng, share, len(values)), NONE, values)


def _positions_kept(rows: Rows, rng: np.random.Generator) -> Bools:
    return rng.random(len(rows)) >= _NO_POSITION
