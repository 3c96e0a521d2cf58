"""How a command ends."""

import signal
import subprocess
import sys

import pytest
import typer

from fraud_core.cli import run

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


def test_a_ctrl_c_that_comes_while_a_c_library_calls_back_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = typer.Typer()
    monkeypatch.setattr(sys, "argv", ["command"])

    @app.command()
    def command() -> None:
        raise SystemError("<method 'poll'> returned a result with an exception set") from KeyboardInterrupt()

    with pytest.raises(SystemExit) as ended:
        run(app)

    assert ended.value.code == 130
