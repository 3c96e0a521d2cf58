"""The first signal asks a process to end, the second one insists, and a third Ctrl-C breaks it off."""

import os
import signal

import pytest

from fraud_core.shutdown import SIGNALS, on_signals


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_the_second_insists(number: signal.Signals) -> None:
    with on_signals(same_within_s=0) as asked:
        os.kill(os.getpid(), number)
        assert (asked.stop.is_set(), asked.at_once.is_set()) == (True, False)

        os.kill(os.getpid(), number)
        assert asked.at_once.is_set()


@pytest.mark.parametrize("passed_on", SIGNALS)
def test_a_signal_that_a_launcher_passes_on_is_no_second_one(passed_on: signal.Signals) -> None:
    with on_signals(same_within_s=3_600) as asked:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), passed_on)
        os.kill(os.getpid(), passed_on)

        assert (asked.stop.is_set(), asked.at_once.is_set()) == (True, False)


def test_a_third_ctrl_c_breaks_off() -> None:
    with on_signals() as asked:
        asked.at_once.set()

        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_afterwards_signals_mean_what_they_meant_before() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]

    with on_signals():
        assert [signal.getsignal(number) for number in SIGNALS] != before

    assert [signal.getsignal(number) for number in SIGNALS] == before
