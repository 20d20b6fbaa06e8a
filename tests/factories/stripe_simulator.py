"""Starts the Stripe simulator as the process that people run, for tests of whatever talks to it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stripe

from ais.platform.embedded import free_port

API_KEY = "sk_test_ais_demo"
WEBHOOK_SECRET = "whsec_ais_demo"
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0


@dataclass
class StripeSimulator:
    """A running simulator. Its port and its data stay the same over `kill` and `restart`."""

    url: str
    api_key: str
    webhook_secret: str
    data_directory: Path
    arguments: list[str]
    process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self) -> int:
        """Ask it to stop and return its exit code; a second call does nothing more."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End it with signal 9, as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(_STOP_SECONDS)

    def restart(self) -> None:
        """Start it again on the same port and data; it must not be running."""
        self.process = _launch(self.arguments, self.data_directory)
        _wait_until_ready(self)

    def memory_bytes(self) -> int:
        """What it holds in memory now (resident set size)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call its own API under `/_sandbox`. `urllib.error.HTTPError` when it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


def start_stripe_simulator(
    directory: Path,
    *,
    webhook_url: str | None = None,
    webhook_secret: str = WEBHOOK_SECRET,
    api_key: str = API_KEY,
    options: tuple[str, ...] = (),
) -> StripeSimulator:
    """Start a simulator on a free port with its data under `directory`, and wait until it answers.

    `options` are further arguments of `ais-sandbox stripe`, for example `("--retry-first-seconds", "0.05")`.
    It ends with the process that started it. Raises `RuntimeError`, with what it printed, if it does not come up.
    """
    port = free_port()
    data_directory = directory / "stripe"
    arguments = [
        *("--port", str(port), "--data-dir", str(data_directory), "--api-key", api_key),
        *("--webhook-secret", webhook_secret, "--webhook-url", webhook_url or "", "--die-with-parent", *options),
    ]
    directory.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    process = _launch(arguments, data_directory)
    simulator = StripeSimulator(url, api_key, webhook_secret, data_directory, arguments, process)
    _wait_until_ready(simulator)
    return simulator


def client_of(url: str, api_key: str, *, retries: int = 0, timeout: float = 10.0) -> stripe.StripeClient:
    """The real SDK, pointed at `url`, which repeats nothing by itself unless told so."""
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": url},
        http_client=stripe.RequestsClient(timeout=timeout),
        max_network_retries=retries,
    )


def card_payment(amount: int = 12_345, currency: str = "sar", **more: Any) -> dict[str, Any]:
    """Parameters of a payment intent that takes cards without leaving the page."""
    automatic = {"enabled": True, "allow_redirects": "never"}
    return {"amount": amount, "currency": currency, "automatic_payment_methods": automatic, **more}


def checkout_session(amount: int = 12_345, currency: str = "sar", **more: Any) -> dict[str, Any]:
    """Parameters of a checkout session for one thing that costs `amount`."""
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "RUH - JED"}}
    return {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": "https://example.com/paid?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://example.com/back",
        **more,
    }


def _launch(arguments: list[str], data_directory: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIS_STRIPE_")}
    with data_directory.with_name("stripe.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ais_sandbox", "stripe", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
        )


def _wait_until_ready(simulator: StripeSimulator) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at:
        if simulator.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{simulator.url}/healthz", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    printed = simulator.data_directory.with_name("stripe.log").read_text(encoding="utf-8", errors="replace")
    simulator.kill()
    message = f"The Stripe simulator did not come up:\n{printed}"
    raise RuntimeError(message)
