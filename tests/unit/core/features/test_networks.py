"""Addresses are found in the narrowest network of a file that they are in."""

import ipaddress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from fraud_core.errors import ConfigError
from fraud_core.features import SideTables, State, advance
from fraud_core.features.side import SAMPLE, read_networks
from fraud_core.features.side.networks import Network, networks_of
from fraud_producer.simulator import SimulatorSettings, simulate
from tests.support.simulating import DAY, START
from tests.unit.core.features.reference import Transaction
from tests.unit.core.features.streams import frame, rows

IPV4, IPV6 = ipaddress.IPv4Address, ipaddress.IPv6Address
BASES = ("0.0.0.1", "10.0.0.0", "10.1.2.3", "255.255.255.255", "::", "2001:db8::", "2001:db8:1::9", "ffff::")
NO_IPV4 = ("", "nowhere", "10.1.2", "10.1.2.3.4", "10.01.2.3", "1.2.3.256", "::ffff:10.1.2.3")


@st.composite
def networks(draw: st.DrawFn) -> Any:
    base = ipaddress.ip_address(draw(st.sampled_from(BASES)))
    length = draw(st.integers(0, base.max_prefixlen))
    return ipaddress.ip_network(f"{base}/{length}", strict=False)


addresses = st.one_of(
    st.sampled_from((None, *NO_IPV4, *BASES)),
    st.ip_addresses().map(str),
    networks().map(lambda network: str(network.broadcast_address)),
    networks().map(lambda network: str(network.network_address)),
)


def narrowest(said: list[Network], address: str | None) -> Network | None:
    """The obvious way: look at each."""
    try:
        number = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if isinstance(number, IPV6) and number.ipv4_mapped:
        number = number.ipv4_mapped
    around = [one for one in said if number.version == one.network.version and number in one.network]
    return (
        max(enumerate(around), key=lambda each: (each[1].network.prefixlen, each[0]))[1] if around else None
    )


def looked_up(side: SideTables, ip: list[str | None], location: str | None = "US") -> list[tuple[Any, Any]]:
    transactions = frame([Transaction("u", 0, 1.0, location=location)] * len(ip))
    known = rows(advance(State(), transactions.with_columns(ip=pl.Series(ip, dtype=pl.String)), side))
    return [(row["ip_reputation"], row["ip_country_differs"]) for row in known]


@settings(max_examples=200)
@given(found=st.lists(networks(), max_size=12), asked=st.lists(addresses, min_size=1, max_size=8))
def test_the_narrowest_network_says_what_is_known(found: list[Any], asked: list[str | None]) -> None:
    said = [
        Network(one, ("US", "NL", None)[at % 3], (None, at / 100)[at % 2]) for at, one in enumerate(found)
    ]
    side = SideTables()
    side.networks = networks_of(said)

    wanted = []
    for address in asked:
        one = narrowest(said, address)
        differs = None if one is None or one.country is None else float(one.country != "US")
        wanted.append((one.reputation if one else None, differs))
    assert looked_up(side, asked) == wanted


def test_where_the_country_of_the_transaction_is_unknown_none_differs() -> None:
    side = SideTables()
    side.networks = networks_of([Network(ipaddress.ip_network("10.0.0.0/8"), "US", 0.5)])

    assert looked_up(side, ["10.0.0.1"], location=None) == [(0.5, None)]


def test_a_maxmind_database_says_what_it_says_of_countries_and_anonymous_addresses(tmp_path: Path) -> None:
    file = tmp_path / "places.mmdb"
    writer = MMDBWriter(6, "Test", languages=["EN"], ipv4_compatible=True)
    writer.insert_network(IPSet(["1.0.0.0/8"]), {"country": {"iso_code": "AU"}, "reputation": 0.25})
    writer.insert_network(IPSet(["2.0.0.0/8"]), {"country": {"iso_code": "US"}, "is_anonymous": True})
    writer.insert_network(IPSet(["2001:db8::/32"]), {"registered_country": {"iso_code": "US"}})
    writer.to_db_file(str(file))
    side = SideTables()
    side.networks = read_networks(file)

    known = looked_up(side, ["1.2.3.4", "2.2.3.4", "2001:db8::1", "3.3.3.3"])

    assert known == [(0.25, 1.0), (1.0, 0.0), (None, 0.0), (None, None)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("net,country\n", "its first line must be network,country,reputation"),
        (
            "network,country,reputation\n10.0.0.0/8,US,\n10.0.0.1/8,US,0\n",
            "line 3: 10.0.0.1/8 has host bits set",
        ),
        ("network,country,reputation\n10.0.0.0/8,US,7\n", "line 2: a reputation is 0 to 1, not 7.0"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "n.csv").write_text(text)

    with pytest.raises(ConfigError, match=fault):
        read_networks(tmp_path / "n.csv")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.mmdb").write_bytes(b"nothing")

    with pytest.raises(ConfigError, match="can't be read"):
        read_networks(tmp_path / "n.mmdb")


def test_the_sample_knows_the_addresses_of_the_simulators_world() -> None:
    piece = next(simulate(SimulatorSettings(seed=5, customers=300), START, START + DAY, step=DAY))
    online = piece.transactions.filter(pl.col("ip").is_not_null())
    side = SideTables()
    side.networks = read_networks(SAMPLE)

    known = rows(advance(State(), online, side))

    assert len(known) > 100
    assert all(row["ip_reputation"] is not None for row in known)
    assert {row["ip_country_differs"] for row in known} == {0.0, None}
