"""A signal at any moment of a start ends everything, within ten seconds, and leaves no process behind."""

from __future__ import annotations

import random
import signal
import threading
import time

import pytest
from tests.factories.embedded_programs import EmbeddedProgram, all_gone

from ais.platform.embedded import StopRequested, StopSignals, copied_cluster, template_cluster
from ais.platform.embedded.throwaway import throwaway_folder

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SEED = 20271


def moments(count, seed):
    """Moments from the first imports to well after readiness, each with a signal; the same ones every time."""
    chosen = random.Random(seed)
    return [(round(chosen.uniform(0.05, 2.0), 3), chosen.choice(SIGNALS)) for _ in range(count)]


def interrupt(folder, seconds, signal_number):
    """Start the program, signal it at that moment; its end must be whole."""
    program = EmbeddedProgram(folder)
    with program:
        time.sleep(seconds)
        code, took = program.end(signal_number)
    context = (seconds, signal_number, code, program.said)
    assert took < 10, context
    # Before the handlers stand, the signal itself ends the interpreter: nothing has been started then.
    assert code in {0, 128 + signal_number, -signal_number}, context
    assert all_gone(folder, within_seconds=0.2) == {}, context


@pytest.mark.parametrize(("seconds", "signal_number"), [(0.2, signal.SIGINT), *moments(3, SEED)])
def test_a_signal_during_the_first_start_ends_everything(seconds, signal_number):
    with throwaway_folder() as folder:
        interrupt(folder, seconds, signal_number)
        assert not list((folder / "postgres").glob("cluster-unfinished-*"))


def test_signals_during_later_starts_end_everything_and_the_last_start_works():
    with throwaway_folder() as folder:
        copied_cluster(template_cluster(folder / "template"), folder / "data" / "postgres")
        for seconds, signal_number in ((0.3, signal.SIGTERM), (1.0, signal.SIGINT), *moments(2, SEED + 1)):
            interrupt(folder / "data", seconds, signal_number)
        with EmbeddedProgram(folder / "data") as program:
            program.wait_for("sleeper is ready")
            assert program.end()[0] == 0
        assert all_gone(folder, within_seconds=0.2) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_forty_signals_and_twenty_kills_at_seeded_moments_of_the_first_start():
    for seconds, signal_number in [*moments(38, SEED + 2), (1.0, signal.SIGINT), (3.0, signal.SIGINT)]:
        with throwaway_folder() as folder:
            interrupt(folder, seconds, signal_number)
    for seconds, _ in moments(20, SEED + 3):
        with throwaway_folder() as folder:
            with EmbeddedProgram(folder) as program:
                time.sleep(seconds)
                program.process.kill()
            with EmbeddedProgram(folder) as program:
                program.wait_for("sleeper is ready")
                assert program.end()[0] == 0
            assert all_gone(folder, within_seconds=0.2) == {}


def test_stop_signals_note_the_first_signal_and_raise_only_where_asked():
    previous = signal.getsignal(signal.SIGTERM)
    with StopSignals() as stop:
        assert not stop.wait(0.01)
        stop.check()
        threading.Timer(0.1, signal.raise_signal, [signal.SIGTERM]).start()
        assert stop.wait(5.0)
        stop.request(signal.SIGINT)
        with pytest.raises(StopRequested) as raised:
            stop.check()
        assert raised.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is previous
