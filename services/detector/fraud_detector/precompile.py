"""`python -m fraud_detector.precompile`: compiles the kernels into `NUMBA_CACHE_DIR` while an image is built.

A detector of that image finds them there and need not compile when it starts.
"""

from fraud_core.settings import load_settings
from fraud_detector.settings import DetectorSettings
from fraud_detector.worker import decider


def precompile() -> None:
    """Decide made-up transactions with the rules and the model of the settings.

    Raises:
        ConfigError: settings, rules or model can't be used.
        BundleError: the model is refused.
    """
    decider(load_settings(DetectorSettings)).warm_up()


if __name__ == "__main__":
    precompile()
