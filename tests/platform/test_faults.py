"""Fault points: nothing outside tests, the end of the process at the hit that a test asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ais.platform.faults import FAULT_POINTS, fault_point

PROGRAM = """
from ais.platform.faults import fault_point
for hit in range(1, 5):
    print(hit, flush=True)
    fault_point("orders.claimed")
    fault_point("orders.written")
print("end")
"""


def run(armed: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "AIS_FAULT_POINTS"}
    if armed is not None:
        environment["AIS_FAULT_POINTS"] = armed
    return subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)


def test_unarmed_points_do_nothing():
    done = run(None)
    assert (done.returncode, done.stdout.split()) == (0, ["1", "2", "3", "4", "end"])
    assert fault_point("orders.claimed") is None


@pytest.mark.parametrize(
    ("armed", "hits"),
    [("orders.claimed", 1), ("orders.written:1", 1), ("orders.written:3", 3), ("job.started:1,orders.claimed:2", 2)],
)
def test_an_armed_point_kills_at_its_hit(armed, hits):
    done = run(armed)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == [str(hit + 1) for hit in range(hits)]


def test_an_unknown_point_is_refused_at_the_start():
    done = run("orders.nowhere")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "AIS_FAULT_POINTS names 'orders.nowhere', which is no fault point" in done.stderr


def test_every_point_stands_in_the_code_and_no_other():
    sources = Path(__file__).resolve().parents[2] / "src" / "ais"
    called = {
        line.split('fault_point("')[1].split('"')[0]
        for file in sources.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if 'fault_point("' in line
    }
    assert called == set(FAULT_POINTS)
