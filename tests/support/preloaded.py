"""What commands import, at once or late: imported by the process that `tests.support.forked` forks from.

Nothing here may start a thread that is needed later, as a fork has none: imports, and no work.
"""

from importlib import import_module, util

import numba.core.registry

from fraud_local.cli import COMMANDS

LATE = (
    "fraud_detector.collector",
    "fraud_detector.profiling",
    "fraud_detector.worker",
    "fraud_operator.service",
    "fraud_producer.service",
    "fraud_producer.sources.file",
    "fraud_producer.sources.realistic",
    "fraud_producer.sources.tutorial",
    "fraud_trainer.run",
)

for module in (*(command.module for command in COMMANDS.values()), *LATE):
    import_module(module)
# numba imports what it knows of numpy when the first kernel is called.
numba.core.registry.cpu_target.typing_context.refresh()
numba.core.registry.cpu_target.target_context.refresh()
# pyarrow imports it with the first array wherever it is: here, for the bench, and in no image.
if util.find_spec("pandas"):
    import_module("pandas")
