from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.factories.embedded_programs import all_gone, processes_of

from ais.platform.embedded import ChildFailedError, ChildSpec, EmbeddedServerError, StopSignals, Supervisor, processes

DEAF = "import signal,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); time.sleep(600)"


def python(*arguments):
    return [sys.executable, "-S", "-E", "-c", *(str(argument) for argument in arguments)]


def test_a_child_that_loses_its_sigterm_is_killed_with_its_whole_group_after_its_patience(tmp_path):
    started = tmp_path / "started"
    shell = f'{sys.executable} -S -E -c "{DEAF}" {started} & wait'
    with Supervisor(folder=tmp_path) as supervisor:
        spec = ChildSpec(
            "deaf", ["/bin/sh", "-c", f"trap '' TERM; {shell}; wait"], ready=started.exists,
            stop_signals=((signal.SIGTERM, 0.5),),
        )  # fmt: skip
        supervisor.start(spec)
        assert len(processes_of(tmp_path)) == 2
        began = time.monotonic()
        supervisor.stop()
        assert 0.5 <= time.monotonic() - began < 3
        assert processes_of(tmp_path) == {}


def test_what_a_child_leaves_in_its_group_is_ended_with_it(tmp_path):
    with Supervisor(folder=tmp_path) as supervisor:
        supervisor.start(ChildSpec("parent", ["/bin/sh", "-c", "sleep 600 & wait"]))
        until = time.monotonic() + 5
        while len(processes_of(tmp_path)) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        supervisor.stop()
        assert processes_of(tmp_path) == {}


def test_a_crashed_child_is_started_again_and_one_that_never_stays_up_ends_the_run(tmp_path):
    said = []
    counter = tmp_path / "starts"
    crashing = ChildSpec(
        "crashing", ["/bin/sh", "-c", f"echo x >> {counter}; sleep 0.1; exit 7"], restarts=2, ready=counter.exists
    )
    with Supervisor(report=said.append) as supervisor:
        assert supervisor.run([ChildSpec("steady", ["sleep", "600"]), crashing]) == 1
    assert counter.read_text() == "x\n" * 3
    assert said[-3:] == [
        "crashing ended (exit code 7); it is started again.",
        "crashing ended (exit code 7); it is started again.",
        "crashing could not be kept running (last exit code 7).",
    ]


def test_a_stop_ends_the_run_with_0_and_every_child(tmp_path):
    with StopSignals() as stop, Supervisor(stop=stop, folder=tmp_path) as supervisor:
        threading.Timer(0.3, stop.request).start()
        began = time.monotonic()
        assert supervisor.run([ChildSpec("one", ["sleep", "600"]), ChildSpec("two", ["sleep", "600"])]) == 0
        assert time.monotonic() - began < 3
        assert processes_of(tmp_path) == {}


def test_a_child_that_ends_or_is_not_ready_in_time_is_one_sentence(tmp_path):
    with Supervisor(folder=tmp_path) as supervisor:
        with pytest.raises(ChildFailedError, match=r"^early ended while it started \(exit code 4\)\.$"):
            supervisor.start(ChildSpec("early", ["/bin/sh", "-c", "exit 4"], ready=lambda: False))
        with pytest.raises(ChildFailedError, match=r"^late was not ready within 0 s\.$"):
            supervisor.start(ChildSpec("late", ["sleep", "600"], ready=lambda: False, ready_within_seconds=0.2))
        with pytest.raises(
            ChildFailedError, match=r"^missing cannot be started: /no/such: No such file or directory\.$"
        ):
            supervisor.start(ChildSpec("missing", ["/no/such"]))
        assert processes_of(tmp_path) == {}


def test_waiting_for_more_than_two_seconds_is_reported():
    said = []
    with Supervisor(report=said.append) as supervisor, pytest.raises(ChildFailedError):
        supervisor.start(ChildSpec("slow", ["sleep", "600"], ready=lambda: False, ready_within_seconds=2.5))
    assert said == ["Starting slow (2 s)"]


def test_output_goes_to_a_file_or_is_prefixed(tmp_path, capsys):
    with Supervisor() as supervisor:
        supervisor.start(ChildSpec("filed", ["/bin/sh", "-c", "echo to the file; sleep 600"], output=tmp_path / "log"))
        supervisor.start(ChildSpec("named", ["/bin/sh", "-c", "echo one; echo two >&2; sleep 600"], output="prefix"))
        seen = ""
        until = time.monotonic() + 5
        while "two" not in seen and time.monotonic() < until:
            time.sleep(0.02)
            seen += capsys.readouterr().out
    assert seen == "named | one\nnamed | two\n"
    assert (tmp_path / "log").read_text() == "to the file\n"


def test_the_kernel_ends_the_children_of_a_killed_parent(tmp_path):
    program = (
        "import sys,time; from pathlib import Path; from ais.platform.embedded import ChildSpec, Supervisor;"
        "Supervisor(folder=Path(sys.argv[1])).start(ChildSpec('child', ['sleep', '600']));"
        "Path(sys.argv[1], 'up').touch(); time.sleep(600)"
    )
    with Supervisor() as supervisor:
        supervisor.start(ChildSpec(
            "parent", [sys.executable, "-c", program, str(tmp_path)], ready=(tmp_path / "up").exists,
            stop_signals=((signal.SIGKILL, 1.0),),
        ))  # fmt: skip
        assert "sleep 600" in processes_of(tmp_path).values()
        supervisor.stop()
        assert all_gone(tmp_path, within_seconds=2.0) == {}


def test_orphans_are_known_by_their_folder_and_a_supervisor_that_has_ended(tmp_path):
    living, dead = tmp_path / "living", tmp_path / "dead"
    gone = f"{os.getpid()}:1:{dead}"
    with Supervisor(folder=living) as supervisor:
        ours = supervisor.start(ChildSpec("ours", ["sleep", "600"]))
        unmarked = Supervisor()
        left = unmarked.start(ChildSpec("left", ["sleep", "600"], env={**os.environ, processes.MARKER: gone}))
        try:
            assert processes.orphans_of(living) == []
            assert processes.orphans_of(dead) == [left.pid]
            assert ours.running
        finally:
            unmarked.close()


def test_after_its_end_a_supervisor_refuses_work():
    supervisor = Supervisor()
    supervisor.close()
    supervisor.close()
    with pytest.raises(EmbeddedServerError, match="has ended"):
        supervisor.start(ChildSpec("late", ["sleep", "600"]))


def test_a_program_that_forgets_its_supervisor_still_ends_its_children(tmp_path):
    program = (
        "import sys; from pathlib import Path; from ais.platform.embedded import ChildSpec, Supervisor;"
        "Supervisor(folder=Path(sys.argv[1])).start(ChildSpec('child', ['sleep', '600']))"
    )
    with Supervisor() as supervisor:
        code, output = supervisor.run_to_end([sys.executable, "-c", program, str(tmp_path)], what="The program")
    assert (code, output) == (0, "")
    assert all_gone(Path(tmp_path), within_seconds=0.5) == {}
