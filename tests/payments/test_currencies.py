"""Currencies of no, two and three decimals, from the sale to the provider and back, to the last minor unit."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories.in_process import in_process, order_id, payment_id
from tests.orders.test_settling import states
from tests.payments.test_refunds import refund

from ais.kit import CURRENCIES, Money, encode_id, ids
from ais.payments import PaymentMethod, RefundExceedsPaid
from ais.payments.adapters.stripe.amounts import from_stripe, to_stripe
from ais.payments.adapters.stripe.gateway import StripeGateway
from ais.payments.domain import PaymentOpening

_CODES = ("JPY", "SAR", "KWD", "BHD", "EUR", "ISK", "UGX")
# What each costs at least at the provider, in whole units of the currency, with room.
_LEAST_UNITS = {"JPY": 100, "SAR": 10, "KWD": 2, "BHD": 2, "EUR": 1, "ISK": 200, "UGX": 4000}


def test_the_examples_of_each_exponent():
    assert to_stripe(Money(500, "JPY")) == 500
    assert to_stripe(Money(1250, "SAR")) == 1250
    assert to_stripe(Money(1250, "KWD")) == 1250
    assert to_stripe(Money(700, "ISK")) == 70_000
    assert from_stripe(70_000, "isk") == Money(700, "ISK")
    with pytest.raises(ValueError, match="whole number of minor units"):
        from_stripe(70_001, "isk")


@given(st.sampled_from(sorted(CURRENCIES)), st.integers(-(10**12), 10**12))
def test_what_goes_to_the_provider_comes_back_the_same(code, minor):
    assert from_stripe(to_stripe(Money(minor, code)), code.lower()) == Money(minor, code)


def amounts():
    """Sums that can be charged: whole multiples of what a card network carries."""

    def of(code):
        unit = CURRENCIES[code]
        least = _LEAST_UNITS[code] * unit.minor_per_major // unit.chargeable_multiple
        return st.integers(least, least * 50).map(lambda steps: Money(steps * unit.chargeable_multiple, code))

    return st.sampled_from(_CODES).flatmap(of)


@pytest.fixture
def gateway(simulator):
    return StripeGateway(simulator.api_key, (simulator.webhook_secret,), simulator.url)


def opening(money, method):
    now = datetime.now(UTC)
    return PaymentOpening(
        reference=encode_id(ids.PAYMENT, uuid4()),
        order_reference=encode_id(ids.ORDER, uuid4()),
        method=method,
        amount=money,
        description="9Z ABC123",
        since=now,
        expires_at=now + timedelta(minutes=15),
        return_url="https://fly.example/",
        cancel_url=None,
        funding_id=None,
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts(), st.lists(st.integers(1, 9), min_size=1, max_size=4))
async def test_charged_and_given_back_in_parts_to_the_last_minor_unit(gateway, simulator, money, weights):
    page = await gateway.create(opening(money, PaymentMethod.CHECKOUT))
    assert page.amount == money
    simulator.control("POST", f"/checkout_sessions/{page.id}/complete", {"payment_method": "pm_card_visa"})
    paid = await gateway.retrieve(page.id)
    assert (paid.received, paid.amount) == (money, money)
    step = CURRENCIES[money.currency].chargeable_multiple
    steps = Money(money.minor // step, money.currency).allocate(weights)
    parts = [Money(part.minor * step, money.currency) for part in steps if part]
    for part in parts:
        reference = encode_id(ids.REFUND, uuid4())
        assert (await gateway.refund(paid.capture_id, part, reference=reference, key=reference)).amount == part
    assert sum(found.amount.minor for found in await gateway.refunds_of(paid.capture_id)) == money.minor
    with pytest.raises(RefundExceedsPaid):
        await gateway.refund(paid.capture_id, Money(step, money.currency), reference="rfd_x", key=str(uuid4()))


@pytest.fixture(params=[("KWD", "KW"), ("JPY", "JP"), ("SAR", "SA")], ids=lambda param: param[0])
async def abroad(request, servers, market, simulator):
    """The program selling in another currency."""
    code, country = request.param
    with servers.database(market) as url:
        if country == "JP":
            # The demo airline does not sell there; fares and taxes are rounded to the yen.
            connection = await asyncpg.connect(url)
            await connection.execute(
                "INSERT INTO points_of_sale (code, currency, fare_unit_minor, fare_rounding, tax_unit_minor,"
                " tax_rounding) VALUES ('JP', 'JPY', 100, 'up', 1, 'nearest')"
            )
            await connection.close()
        async with in_process(url, servers.cache_url(), simulator, point_of_sale=country) as program:
            yield code, program
            await program.require_invariants()


async def test_an_order_from_sale_to_refund(abroad):
    code, program = abroad
    order = await program.order()
    total = Money.parse(order["total"]["amount"], code)
    assert order["total"]["currency"] == code
    assert total.minor % CURRENCIES[code].chargeable_multiple == 0
    payment = await program.begin_checkout(order)
    session = await program.session(payment)
    assert (session["amount_total"], session["currency"]) == (to_stripe(total), code.lower())
    program.complete(payment)
    await program.report(payment)
    seen = await program.read(order)
    assert (states(seen), seen["paid"]) == (("confirmed", "paid", "issued"), order["total"])
    step = CURRENCIES[code].chargeable_multiple
    steps = Money(total.minor // step, code).allocate([1, 1, 1])
    for part in itertools.islice(steps, 3):
        await refund(program, payment, part.minor * step, code)
        await program.run_jobs()
    seen = await program.read(order)
    assert (seen["payment_status"], seen["refunded"]) == ("refunded", order["total"])
    assert await program.rows(
        "SELECT received_minor, refunded_minor, currency FROM payments WHERE id = $1", payment_id(payment)
    ) == [(total.minor, total.minor, code)]
    balances = await program.rows(
        "SELECT sum(amount_minor)::bigint FROM ledger_entries AS entry JOIN ledger_postings AS posting"
        " ON posting.id = posting_id WHERE order_id = $1 AND currency = $2 AND account = 'provider_clearing'",
        order_id(order),
        code,
    )
    assert balances == [0]
