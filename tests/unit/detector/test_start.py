"""What a detector loads before it runs."""

import subprocess
import sys


def test_without_a_model_scikit_learn_is_not_loaded() -> None:
    code = "import sys, fraud_detector.worker; sys.exit('sklearn' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
