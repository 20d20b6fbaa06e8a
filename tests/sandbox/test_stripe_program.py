"""The simulator as a program: what survives its death, how it starts and stops, and what it may not import."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import (
    WEBHOOK_SECRET,
    StripeSimulator,
    card_payment,
    client_of,
    start_stripe_simulator,
)
from tests.factories.webhook_receiver import WebhookReceiver

from ais.platform.embedded import free_port

SOURCE = Path(__file__).parents[2] / "src"


def test_a_kill_loses_nothing_that_was_answered(start: Callable[..., StripeSimulator]) -> None:
    simulator = start(None)
    client = client_of(simulator.url, simulator.api_key)
    answered: list[str] = []
    tried = threading.Event()

    def pay_until_killed() -> None:
        try:
            while True:
                params: Any = card_payment(confirm=True, payment_method="pm_card_visa")
                answered.append(client.v1.payment_intents.create(params=params).id)
                if len(answered) >= 40:
                    tried.set()
        except stripe.APIConnectionError:
            tried.set()

    payers = [threading.Thread(target=pay_until_killed) for _ in range(4)]
    for payer in payers:
        payer.start()
    assert tried.wait(20)
    simulator.kill()
    for payer in payers:
        payer.join()
    simulator.restart()
    again = client_of(simulator.url, simulator.api_key)
    listed = {
        intent.id: intent.status for intent in again.v1.payment_intents.list(params={"limit": 100}).auto_paging_iter()
    }
    assert len(answered) >= 40
    assert {listed[intent_id] for intent_id in answered} == {"succeeded"}
    counts = simulator.control("GET", "")["objects"]
    # At most the requests that were under way are there without having been answered, and they are there whole.
    assert counts["charges"] == counts["payment_intents"] <= len(answered) + len(payers)
    assert counts["events"] == 4 * counts["payment_intents"]


def test_keys_retries_and_what_is_scheduled_survive_a_kill(
    start: Callable[..., StripeSimulator], receiver: WebhookReceiver
) -> None:
    simulator = start(receiver.url, "--settle-seconds", "1.0", "--retry-first-seconds", "1.0")
    client = client_of(simulator.url, simulator.api_key)
    receiver.answer_with = lambda _: 500
    key: Any = {"idempotency_key": "kept-over-the-kill"}
    params: Any = card_payment(confirm=True, payment_method="pm_sandbox_processingSucceeds")
    intent = client.v1.payment_intents.create(params=params, options=key)
    receiver.wait_for(lambda all_: len(all_) >= 3)
    simulator.control("POST", "/webhooks", {"duplicate": 1})
    simulator.kill()
    receiver.answer_with = lambda _: 200
    refused = len(receiver.received)
    time.sleep(1.1)
    simulator.restart()
    assert simulator.control("GET", "/webhooks")["duplicate"] == 1
    again = client.v1.payment_intents.create(params=params, options=key)
    assert (again.id, again.status) == (intent.id, "processing")

    def all_told(received: list[Any]) -> bool:
        return len({json.loads(one.body)["type"] for one in received[refused:]}) == 6

    told = receiver.wait_for(all_told)[refused:]
    assert {one.event(WEBHOOK_SECRET).type for one in told} == {
        "payment_intent.created", "charge.pending", "payment_intent.processing",
        "charge.succeeded", "payment_intent.succeeded", "charge.updated",
    }  # fmt: skip
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_reset_forgets_everything_but_the_endpoint(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    params: Any = card_payment(confirm=True, payment_method="pm_card_visa")
    client.v1.payment_intents.create(params=params, options={"idempotency_key": "k"})
    receiver.wait_for(lambda all_: len(all_) == 4)
    simulator.control("POST", "/webhooks", {"drop_probability": 1.0})
    simulator.control("POST", "/reset")
    state = simulator.control("GET", "")
    assert set(state["objects"].values()) == {0}
    assert state["webhooks"]["drop_probability"] == 0.0
    client.v1.payment_intents.create(params=card_payment(), options={"idempotency_key": "k"})
    receiver.wait_for(lambda all_: len(all_) == 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_seconds", [0.02, 0.2, 0.6])
def test_a_signal_ends_it_soon(tmp_path: Path, number: signal.Signals, after_seconds: float) -> None:
    port = free_port()
    command = [sys.executable, "-m", "ais_sandbox", "stripe", "--port", str(port), "--data-dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(after_seconds)
        process.send_signal(number)
        process.wait(5)
    finally:
        process.kill()


def test_a_signal_ends_it_amid_requests_and_deliveries(
    start: Callable[..., StripeSimulator], receiver: WebhookReceiver
) -> None:
    simulator = start(receiver.url)
    client = client_of(simulator.url, simulator.api_key)
    receiver.answer_after_seconds = 5
    simulator.control("POST", "/faults", {"action": "hang_before", "path": "/v1/refunds"})
    client.v1.payment_intents.create(params=card_payment())
    receiver.wait_for(lambda all_: len(all_) == 1)
    with socket.create_connection(("127.0.0.1", int(simulator.url.rpartition(":")[2]))) as half_sent:
        half_sent.sendall(b"POST /v1/refunds HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        began = time.monotonic()
        assert simulator.stop() == 0
        assert time.monotonic() - began < 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux does this")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    port = free_port()
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'ais_sandbox', 'stripe', '--port', '{port}',"
        f" '--data-dir', {str(tmp_path)!r}, '--die-with-parent'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    give_up_at = time.monotonic() + 3
    while _is_running(child):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def _is_running(process_id: int) -> bool:
    try:
        status = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_port_in_use_and_a_directory_in_use_are_said_in_a_sentence(
    start: Callable[..., StripeSimulator], tmp_path: Path
) -> None:
    simulator = start(None)
    port = simulator.url.rpartition(":")[2]
    for arguments, said in (
        (["--port", port, "--data-dir", str(tmp_path / "other")], f"Port {port} cannot be used"),
        (["--port", "0", "--data-dir", str(simulator.data_directory)], "is used by another process"),
    ):
        command = [sys.executable, "-m", "ais_sandbox", "stripe", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        assert ended.returncode == 1
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr


def test_help_names_options_and_variables() -> None:
    command = [sys.executable, "-m", "ais_sandbox", "stripe", "--help"]
    environment = os.environ | {"AIS_STRIPE_SECRET_KEY": "sk_live_not_to_be_shown"}
    shown = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True, env=environment).stdout
    for word in ("--port", "AIS_STRIPE_SIM_PORT", "--data-dir", "--webhook-url", "--die-with-parent", "12111"):
        assert word in shown
    assert "sk_live_not_to_be_shown" not in shown


def test_it_is_a_program_of_its_own() -> None:
    code = (
        "import sys, ais_sandbox.cli\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names & {'ais', 'stripe', 'litestar', 'httpx', 'asyncpg', 'pydantic'}))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert shown.stdout.strip() == "[]"
    for file in (SOURCE / "ais").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "import ais_sandbox" not in text, file
        assert "from ais_sandbox" not in text, file


def test_it_stays_small(tmp_path: Path) -> None:
    simulator = start_stripe_simulator(tmp_path)
    client = client_of(simulator.url, simulator.api_key)
    for _ in range(300):
        params: Any = card_payment(confirm=True, payment_method="pm_card_visa")
        client.v1.payment_intents.create(params=params, options={"idempotency_key": os.urandom(8).hex()})
    assert simulator.memory_bytes() < 60 * 1024 * 1024
    assert simulator.stop() == 0
