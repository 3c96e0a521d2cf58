"""Reads files of networks: CSV with the columns network, country, reputation, or any MaxMind DB."""

import csv
import ipaddress
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from fraud_core.errors import ConfigError
from fraud_core.features.side.networks import Network, Networks, networks_of

COLUMNS = ("network", "country", "reputation")
SAMPLE = Path(str(files("fraud_core.features.side") / "networks_sample.csv"))
"""Made by us: the networks of the simulator's world, which have little to do with those of ours."""


def read_networks(path: Path) -> Networks:
    """Read a file; `.mmdb` is a MaxMind DB, anything else CSV.

    Raises:
        ConfigError: it can't be read, or a line of it makes no sense.
    """
    try:
        return networks_of(_from_database(path) if path.suffix == ".mmdb" else _from_csv(path))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"The networks in {path} can't be read: {error}.") from error


def _from_csv(path: Path) -> Iterator[Network]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"its first line must be {','.join(COLUMNS)}")
        for row in rows:
            try:
                yield _network(row)
            except ValueError as error:
                raise ValueError(f"line {rows.line_num}: {error}") from error


def _network(row: Mapping[str, str | None]) -> Network:
    reputation = float(row["reputation"]) if row["reputation"] else None
    if reputation is not None and not 0 <= reputation <= 1:
        raise ValueError(f"a reputation is 0 to 1, not {reputation}")
    return Network(ipaddress.ip_network(row["network"] or ""), row["country"] or None, reputation)


def _from_database(path: Path) -> Iterator[Network]:
    import maxminddb  # noqa: PLC0415 - only the detector's image has it

    try:
        with maxminddb.open_database(path) as reader:
            for network, record in reader:
                if isinstance(record, dict):
                    yield Network(network, _country(record), _reputation(record))
    except maxminddb.InvalidDatabaseError as error:
        raise ValueError(str(error)) from error


def _country(record: Mapping[str, Any]) -> str | None:
    """As MaxMind's databases of places name it, or a plain text."""
    found = record.get("country") or record.get("registered_country")
    code = found.get("iso_code") if isinstance(found, dict) else found
    return code if isinstance(code, str) else None


def _reputation(record: Mapping[str, Any]) -> float | None:
    """A number of that name; or 1 for what a database of anonymous addresses says of VPNs and proxies."""
    found = record.get("reputation")
    if isinstance(found, int | float):
        return min(max(float(found), 0.0), 1.0)
    return 1.0 if record.get("is_anonymous") else None
