"""How a command ends."""

import signal
import subprocess
import sys

WAITING = """
import time
import typer
from fraud_core.cli import run

app = typer.Typer()


@app.command()
def wait() -> None:
    print("waiting", flush=True)
    time.sleep(60)


run(app)
"""


def test_a_command_that_handles_no_signals_itself_still_ends_on_sigterm() -> None:
    # The exit status shows that Python ended itself: the kernel would not have, had this been a container.
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        waiting.stdout.readline()
        waiting.send_signal(signal.SIGTERM)

    assert waiting.returncode == 143
