"""`ais demo` as people start it: one story, one signal, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from tests.factories.embedded_programs import all_gone

from ais.platform.embedded import free_port

STORY_SECONDS = 300
END_SECONDS = 10


class Demo:
    """The command on free ports and a data folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.port, self.provider_port = free_port(), free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIS_", "STRIPE_"))}
        inherited.pop("DATABASE_URL", None)
        inherited.pop("REDIS_URL", None)
        self.log = folder.with_name("demo.log")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ais.app.cli", "demo"],
                env={
                    **inherited,
                    "AIS_DATA_DIR": str(folder),
                    "AIS_PORT": str(self.port),
                    "AIS_STRIPE_SIM_PORT": str(self.provider_port),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, words):
        give_up_at = time.monotonic() + STORY_SECONDS
        while words not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < give_up_at, self.said()
            time.sleep(0.1)

    def end(self, signal_number):
        """Send the signal; how long it took to end."""
        began = time.monotonic()
        self.process.send_signal(signal_number)
        self.process.wait(END_SECONDS)
        return time.monotonic() - began

    def left(self):
        return all_gone(self.folder, within_seconds=2)


@pytest.fixture
def demo(tmp_path):
    demo = Demo(tmp_path / "data")
    yield demo
    if demo.process.poll() is None:
        demo.process.kill()
        demo.process.wait()


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.2, marks=pytest.mark.slow), 1, pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_signal_soon_after_the_start_leaves_no_process(demo, seconds):
    time.sleep(seconds)
    demo.end(signal.SIGTERM)
    assert demo.left() == {}
    assert "Traceback" not in demo.said()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_demo_tells_its_story_serves_and_ends_on_control_c(demo):
    demo.wait_for("Ctrl-C ends everything")
    said = demo.said()
    assert "4 tickets were issued" in said
    assert "seats are left again" in said
    with urllib.request.urlopen(f"http://127.0.0.1:{demo.port}/health/ready", timeout=5) as answer:
        assert json.load(answer)["status"] == "ok"
    with urllib.request.urlopen(f"http://127.0.0.1:{demo.port}/schema/swagger", timeout=5) as answer:
        assert answer.status == 200
    assert demo.end(signal.SIGINT) < END_SECONDS
    assert demo.process.returncode == 0, demo.said()
    assert demo.left() == {}
    assert "Traceback" not in demo.said()
