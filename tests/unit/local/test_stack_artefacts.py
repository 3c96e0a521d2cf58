"""The committed list of what the stack downloads."""

from collections import Counter
from dataclasses import replace

import pytest

from fraud_local.stack.artefacts import components


def test_the_broker_and_its_client_library_have_the_same_version() -> None:
    broker = components()["broker"]

    kafka = [one.coordinate for one in broker.artefacts if one.coordinate.startswith("org.apache.kafka:")]

    assert len(kafka) > 10
    assert {coordinate.split(":")[2] for coordinate in kafka} == {broker.version}


def test_no_library_is_there_in_two_versions() -> None:
    names = Counter(one.coordinate.split(":")[1] for one in components()["broker"].artefacts)

    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("key", ["broker", "registry"])
def test_every_file_is_pinned_by_size_and_digest(key: str) -> None:
    for artefact in components()[key].artefacts:
        assert artefact.size > 0
        assert len(bytes.fromhex(artefact.sha256)) == 32


def test_other_content_lives_in_another_directory() -> None:
    broker = components()["broker"]
    first, *others = broker.artefacts

    changed = replace(broker, artefacts=(replace(first, sha256="0" * 64), *others))

    assert changed.directory != broker.directory
    assert broker.version in broker.directory
