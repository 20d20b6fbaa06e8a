"""Simulators and SDK clients for the tests of the sandbox.

The tests under `contract/` use nothing but Stripe's own API. With `STRIPE_TEST_SECRET_KEY` set to a key of Stripe's
test mode (and, if need be, `STRIPE_TEST_API_BASE`), they run against that instead of the simulator:

    STRIPE_TEST_SECRET_KEY=sk_test_... pytest tests/sandbox/contract
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stripe
from tests.factories.stripe_simulator import StripeSimulator, client_of, start_stripe_simulator
from tests.factories.webhook_receiver import WebhookReceiver, webhook_receiver

QUICK = ("--settle-seconds", "0.2", "--retry-first-seconds", "0.05", "--retry-most-seconds", "0.5")
LIVE_KEY = os.environ.get("STRIPE_TEST_SECRET_KEY", "")
LIVE_BASE = os.environ.get("STRIPE_TEST_API_BASE", "https://api.stripe.com")


@pytest.fixture(scope="session")
def contract_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeSimulator | None]:
    """The simulator that the contract tests run against, or None where they run against Stripe."""
    if LIVE_KEY:
        yield None
        return
    simulator = start_stripe_simulator(tmp_path_factory.mktemp("contract"), options=QUICK)
    yield simulator
    assert simulator.stop() == 0


@pytest.fixture(scope="session")
def contract_client(contract_simulator: StripeSimulator | None) -> stripe.StripeClient:
    """Stripe's test mode if a key of it is given, else a simulator."""
    if contract_simulator is not None:
        return client_of(contract_simulator.url, contract_simulator.api_key)
    assert LIVE_KEY.startswith(("sk_test_", "rk_test_")), "contract tests are for Stripe's test mode only"
    return client_of(LIVE_BASE, LIVE_KEY, retries=2, timeout=60)


@pytest.fixture
def customer(contract_simulator: StripeSimulator | None) -> Callable[..., None]:
    """What a person does on the page of a checkout session: `customer(session_id, payment_method)`."""
    if contract_simulator is None:
        pytest.skip("Stripe's own page wants a person with a browser")

    def at_the_page(session_id: str, payment_method: str) -> None:
        contract_simulator.control(
            "POST", f"/checkout_sessions/{session_id}/complete", {"payment_method": payment_method}
        )

    return at_the_page


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver of webhooks that answers 200."""
    with webhook_receiver() as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StripeSimulator]]:
    """Starts simulators that end with the test."""
    started: list[StripeSimulator] = []

    def start_one(webhook_url: str | None = None, *options: str) -> StripeSimulator:
        directory = tmp_path / str(len(started))
        simulator = start_stripe_simulator(directory, webhook_url=webhook_url, options=(*QUICK, *options))
        started.append(simulator)
        return simulator

    yield start_one
    for simulator in started:
        simulator.kill()


@pytest.fixture(scope="session")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeSimulator]:
    """One simulator for all the tests that neither stop it nor need options of their own."""
    running = start_stripe_simulator(tmp_path_factory.mktemp("shared"), options=QUICK)
    yield running
    assert running.stop() == 0


@pytest.fixture
def simulator(shared_simulator: StripeSimulator, receiver: WebhookReceiver) -> Iterator[StripeSimulator]:
    """An empty simulator that posts its webhooks to `receiver`; not to be stopped."""
    shared_simulator.control("POST", "/reset")
    endpoint = {"id": "we_configured", "url": receiver.url, "secret": shared_simulator.webhook_secret}
    shared_simulator.control("POST", "/endpoints", endpoint)
    yield shared_simulator
    shared_simulator.control("POST", "/reset")


@pytest.fixture
def client(simulator: StripeSimulator) -> stripe.StripeClient:
    """The SDK on `simulator`."""
    return client_of(simulator.url, simulator.api_key)
