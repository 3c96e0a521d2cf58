"""What a detector has compiled before its first transaction; an image keeps just that."""

import os
import subprocess
import sys
from pathlib import Path

from fraud_core.models import publish_bundle
from tests.support.bundles import small_bundle

DECIDE_MANY = """
import gc
import pyarrow as pa
import polars as pl
from confluent_kafka import Message
from numba.core.registry import CPUDispatcher
from fraud_core.avro.types import arrow_type
from fraud_core.features import State
from fraud_core.features.side import Logins
from fraud_core.settings import load_settings
from fraud_detector.reading import Read
from fraud_detector.records import group
from fraud_detector.settings import DetectorSettings
from fraud_detector.worker import decider


def compiled():
    functions = [one for one in gc.get_objects() if isinstance(one, CPUDispatcher)]
    return {(one.py_func.__qualname__, str(signature)) for one in functions for signature in one.signatures}


rows = [
    {
        "transaction_id": f"t{number}",
        "user": f"u{number % 700}",
        "amount": number % 900.0,
        "timestamp": 1_000 * number,
        "location": "US" if number % 50 else "FR",
        "device_id": f"d{number % 31}" if number % 3 else None,
        "merchant": f"m{number % 97}" if number % 7 else None,
        "ip": f"24.0.0.{number % 250}" if number % 5 else None,
        "latitude": 1.0 * (number % 90),
    }
    for number in range(3_000)
]
batch = pa.RecordBatch.from_pylist(rows, schema=arrow_type("Transaction"))
messages = group(Message(topic="", partition=number % 2, offset=number) for number in range(len(rows)))
deciding = decider(load_settings(DetectorSettings))
deciding.warm_up()
before = compiled()
states = {0: State(), 1: State()}
deciding.side.logins = Logins()
for label in ("legitimate", "fraud", "legitimate"):
    deciding.decide(Read(messages, batch, ()), states)
    deciding.side.labels.learn(
        pl.DataFrame(
            {
                "transaction_id": [f"t{number}" for number in range(3_000)],
                "transaction_timestamp": 0,
                "user": "u1",
                "merchant": "m1",
                "merchant_category": "groceries",
                "label": label,
                "labelled_at": 0,
            }
        )
    )
    deciding.side.logins.learn(
        pl.DataFrame({"user": [f"u{number}" for number in range(3_000)], "success": True, "timestamp": 0})
    )
print(len(before), compiled() - before)
"""


NEVER_COMPILED = """
import gc
from numba.core.registry import CPUDispatcher
from fraud_detector import worker
from fraud_detector.precompile import precompile

precompile()
kernels = [
    one for one in gc.get_objects()
    if isinstance(one, CPUDispatcher)
    and one.py_func.__module__.startswith("fraud")
    and not one.py_func.__module__.startswith("fraud_core.models.")
    and not one.targetoptions.get("no_cpython_wrapper")
]
print(len(kernels), {one.py_func.__qualname__ for one in kernels if not one.signatures})
"""


def told(script: str, model: str, folder: Path) -> tuple[int, str]:
    """The number and the text that a script prints; `model` begins the variables that name a bundle."""
    published = publish_bundle(folder, small_bundle())
    environment = os.environ | {f"{model}__URL": published.url, f"{model}__SHA256": published.sha256}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True
    )
    number, text = done.stdout.split(maxsplit=1)
    return int(number), text


def test_after_the_warm_up_no_transaction_and_no_label_waits_for_a_compiler(tmp_path: Path) -> None:
    before, compiled_later = told(DECIDE_MANY, "FRAUD_MODEL", tmp_path)

    assert before > 0
    assert compiled_later == "set()\n"


def test_an_image_has_the_machine_code_of_every_kernel_but_those_of_models(tmp_path: Path) -> None:
    kernels, without = told(NEVER_COMPILED, "FRAUD_BASELINE", tmp_path)

    # A model's are compiled by whoever loads one, and tries it before it decides.
    assert kernels > 0
    assert without == "set()\n"
