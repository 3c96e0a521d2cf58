"""`python -m fraud_detector.precompile`: compiles the kernels into `NUMBA_CACHE_DIR` while an image is built.

A detector of that image finds them there and need not compile when it starts.
"""

from fraud_core.settings import load_settings
from fraud_core.setup import SetupSettings
from fraud_detector.settings import DetectorSettings, ModelSettings
from fraud_detector.worker import decider, warm_up


def precompile() -> None:
    """Decide made-up transactions with the rules of the settings and the baseline, and keep a made-up state.

    Raises:
        ConfigError: settings, rules or model can't be used.
        BundleError: the model is refused.
    """
    baseline = load_settings(SetupSettings).baseline
    model = ModelSettings(url=baseline.url, sha256=baseline.sha256)
    warm_up(decider(load_settings(DetectorSettings).model_copy(update={"model": model})))


if __name__ == "__main__":
    precompile()
