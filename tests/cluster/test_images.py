"""The images that the cluster runs, measured as docs/images.md shows it."""

import os
import shutil

import pytest

from fraud_local.bench.images import IMAGES, measure
from tests.cluster.images import VERSION
from tests.support.stack import REQUIRE

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.xdist_group("cluster")]


def test_each_image_answers_from_a_read_only_root_and_is_measured() -> None:
    if shutil.which("docker") is None and os.environ.get(REQUIRE) != "all":
        pytest.skip("there is no docker on the path")

    found = measure(VERSION, 1)

    assert [one.name for one in found] == [f"fraudstream-{name}:{VERSION}" for name in IMAGES]
    assert all(min(one.python_s, one.start_s, one.megabytes) > 0 for one in found)
