"""State tables: every move outside of them is refused by the domain and by the database, and nothing changes.

The rows that hold the states are written here without what belongs around them: foreign keys are switched off for
that one transaction, which is rolled back.
"""

import asyncpg
import pytest

from ais.accounts import USER_TRANSITIONS
from ais.accounts.rights.domain import APPROVAL_TRANSITIONS
from ais.inventory import HOLD_ITEM_TRANSITIONS, HOLD_TRANSITIONS
from ais.kit import InvalidStateTransition
from ais.notifications.domain import NOTICE_TRANSITIONS
from ais.orders import (
    ORDER_PAYMENT_TRANSITIONS,
    ORDER_TRANSITIONS,
    QUOTE_TRANSITIONS,
    SEGMENT_TRANSITIONS,
    TICKETING_TRANSITIONS,
    OrderPaymentStatus,
    OrderStatus,
)
from ais.orders.domain import display_status
from ais.payments import (
    DISPUTE_TRANSITIONS,
    EVENT_TRANSITIONS,
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    SHIFT_TRANSITIONS,
)
from ais.schedule.domain import FLIGHT_STATUS
from ais.ticketing import COUPON_TRANSITIONS, DOCUMENT_TRANSITIONS

TABLES = (
    ORDER_TRANSITIONS,
    ORDER_PAYMENT_TRANSITIONS,
    TICKETING_TRANSITIONS,
    SEGMENT_TRANSITIONS,
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    EVENT_TRANSITIONS,
    SHIFT_TRANSITIONS,
    DISPUTE_TRANSITIONS,
    NOTICE_TRANSITIONS,
    DOCUMENT_TRANSITIONS,
    COUPON_TRANSITIONS,
    HOLD_TRANSITIONS,
    HOLD_ITEM_TRANSITIONS,
    FLIGHT_STATUS,
    QUOTE_TRANSITIONS,
    USER_TRANSITIONS,
    APPROVAL_TRANSITIONS,
)
CODES = {"confirmed": "HK", "schedule_changed": "TK", "cancelled": "HX"}


async def test_the_tables_of_code_and_database_are_the_same(database):
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT aggregate, from_state, to_state FROM transitions")
    of_code = {(table.aggregate, str(before), str(after)) for table in TABLES for before, after in table}
    assert {tuple(row) for row in rows} == of_code


def test_the_tables_of_the_contract():
    """The three tables of the HTTP contract, written out."""
    assert {
        state: sorted(after for before, after in ORDER_TRANSITIONS if before == state) for state in OrderStatus
    } == {
        "pending": ["cancelled", "reserved"],
        "reserved": ["cancelled", "confirmed", "expired"],
        "confirmed": ["cancelled", "completed"],
        "expired": ["confirmed"],
        "completed": [],
        "cancelled": [],
    }
    assert {
        state: sorted(after for before, after in ORDER_PAYMENT_TRANSITIONS if before == state)
        for state in OrderPaymentStatus
    } == {
        "unpaid": ["failed", "paid", "processing"],
        "processing": ["failed", "paid", "unpaid"],
        "failed": ["paid", "processing"],
        "paid": ["disputed", "partially_refunded", "refunded"],
        "partially_refunded": ["disputed", "refunded"],
        "disputed": ["paid", "partially_refunded", "refunded"],
        "refunded": [],
    }
    assert sorted((str(before), str(after)) for before, after in TICKETING_TRANSITIONS) == [
        ("issued", "partly_void"),
        ("issued", "void"),
        ("issuing", "issued"),
        ("none", "issuing"),
        ("partly_void", "void"),
    ]


def refused_pairs():
    for table in TABLES:
        for before in table.states:
            for after in table.states:
                if before != after and not table.allows(before, after):
                    yield table, before, after


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.aggregate)
def test_the_domain_refuses_every_pair_outside_its_table(table):
    allowed = set(table)
    for before in table.states:
        for after in table.states:
            if (before, after) in allowed:
                table.require(before, after)
                continue
            with pytest.raises(InvalidStateTransition) as refused:
                table.require(before, after)
            assert refused.value.status == 409
            assert refused.value.details == {"aggregate": table.aggregate, "current": before, "target": after}


ZERO = "'00000000-0000-0000-0000-000000000000'"
_ORDER = f"""
    INSERT INTO orders (id, record_locator, status, payment_status, ticketing_status, hold_id, validating_carrier,
        fare_brand, cabin, currency, total_minor, payment_required_by, first_departure_at, last_arrival_at, contact,
        owner, channel, point_of_sale, created_at, updated_at)
    SELECT {ZERO}, 'AAAAAA', %s, %s, %s, {ZERO}, '9Z', 'LIGHT', 'Y', 'SAR', 0, now(), now(), now(), '{{}}', 'test',
        'api', 'SA', now(), now()
"""
_WRITE = {
    "order.status": ("orders", "status", lambda state: _ORDER % (f"'{state}'", "'paid'", "'issued'")),
    "order.payment_status": ("orders", "payment_status", lambda state: _ORDER % ("'reserved'", f"'{state}'", "'none'")),
    "order.ticketing_status": (
        "orders",
        "ticketing_status",
        lambda state: _ORDER % ("'reserved'", "'paid'", f"'{state}'"),
    ),
    "order_segment.status": (
        "order_segments",
        "status",
        lambda state: (
            f"""
            INSERT INTO order_segments (id, order_id, slice_position, position, segment_id, flight_date_id,
                marketing_carrier, flight_number, operating_carrier, operating_flight_number, origin, destination,
                departs_at, departure_timezone, arrives_at, arrival_timezone, departure_date, cabin, booking_class,
                fare_basis, aircraft, status, status_code)
            VALUES ({ZERO}, {ZERO}, 1, 1, 1, {ZERO}, '9Z', '1', '9Z', '1', 'RUH', 'JED', now(), 'UTC',
                now() + interval '1 hour', 'UTC', current_date, 'Y', 'Y', 'Y', '320', '{state}', '{CODES[state]}')
        """
        ),
    ),
    "payment.status": (
        "payments",
        "status",
        lambda state: (
            f"""
            INSERT INTO payments (id, order_id, method, provider, provider_payment_id, status, amount_minor, currency,
                received_minor, channel, expires_at)
            VALUES ({ZERO}, {ZERO}, 'card', 'stripe', 'pi', '{state}', 1, 'SAR',
                {1 if state == "succeeded" else 0}, 'api', now())
        """
        ),
    ),
    "provider_event.state": (
        "provider_events",
        "state",
        lambda state: (
            f"""
            INSERT INTO provider_events (provider, event_id, type, object_id, body, state)
            VALUES ('stripe', 'evt', 'type', 'object', '', '{state}')
        """
        ),
    ),
    "dispute.status": (
        "disputes",
        "status",
        lambda state: (
            f"""
            INSERT INTO disputes (id, payment_id, order_id, provider, provider_dispute_id, amount_minor, currency,
                reason, status, closed_at)
            VALUES ({ZERO}, {ZERO}, {ZERO}, 'stripe', 'dp', 1, 'SAR', 'test', '{state}',
                CASE WHEN '{state}' IN ('inquiry', 'open') THEN NULL::timestamptz ELSE now() END)
        """
        ),
    ),
    "cash_shift.status": (
        "cash_shifts",
        "status",
        lambda state: (
            f"""
            INSERT INTO cash_shifts (id, office_id, clerk, status, float_minor, counted_minor, closed_at)
            SELECT {ZERO}, {ZERO}, 'c', '{state}', 0, nullif(0, CASE '{state}' WHEN 'open' THEN 0 ELSE 1 END),
                   CASE '{state}' WHEN 'open' THEN NULL::timestamptz ELSE now() END
        """
        ),
    ),
    "refund.status": (
        "refunds",
        "status",
        lambda state: (
            f"""
            INSERT INTO refunds (id, payment_id, order_id, amount_minor, currency, status, reason, provider_refund_id,
                actor, channel)
            VALUES ({ZERO}, {ZERO}, {ZERO}, 1, 'SAR', '{state}', 'test', 're', 'test', 'job')
        """
        ),
    ),
    "document.status": (
        "documents",
        "status",
        lambda state: (
            f"""
            INSERT INTO documents (id, number, type, status, order_id, passenger_id, passenger_name,
                validating_carrier, total_minor, currency, issued_by, channel)
            VALUES ({ZERO}, '9910000000000', 'ticket', '{state}', {ZERO}, {ZERO}, 'A/B', '9Z', 1, 'SAR', 't', 'job')
        """
        ),
    ),
    "coupon.status": (
        "coupons",
        "status",
        lambda state: (
            f"""
            INSERT INTO coupons (document_id, number, passenger_id, segment_id, status, carrier, flight_number, origin,
                destination, departure_date, booking_class, fare_basis, value_minor, currency)
            VALUES ({ZERO}, 1, {ZERO}, {ZERO}, '{state}', '9Z', '1', 'RUH', 'JED', current_date, 'Y', 'Y', 1, 'SAR')
        """
        ),
    ),
}


@pytest.mark.parametrize("aggregate", list(_WRITE))
async def test_the_database_refuses_every_pair_outside_the_table(database, aggregate):
    table = next(each for each in TABLES if each.aggregate == aggregate)
    name, column, insert = _WRITE[aggregate]
    pairs = [pair for pair in refused_pairs() if pair[0] is table]
    assert pairs
    async with database.connection() as connection:
        for _, before, after in pairs:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(insert(before))
            await connection.execute("SET LOCAL session_replication_role = origin")
            with pytest.raises(asyncpg.CheckViolationError) as refused:
                async with connection.transaction():
                    await connection.execute(f"UPDATE {name} SET {column} = $1", after)  # names of this file
            assert refused.value.constraint_name == f"{aggregate}_transition", (before, after)
            assert await connection.fetchval(f"SELECT {column} FROM {name}") == before  # see above
            await transaction.rollback()


@pytest.mark.parametrize(
    ("status", "payment", "coupons", "word"),
    [
        ("pending", "unpaid", [], "pending"),
        ("reserved", "unpaid", [], "reserved"),
        ("reserved", "processing", [], "pending"),
        ("reserved", "failed", [], "payment_failed"),
        ("reserved", "paid", [], "paid"),
        ("confirmed", "paid", ["open", "open"], "confirmed"),
        ("confirmed", "paid", ["open", "checked_in"], "checked_in"),
        ("confirmed", "paid", ["checked_in", "lifted"], "boarded"),
        ("confirmed", "paid", ["no_show"], "no_show"),
        ("confirmed", "partially_refunded", ["open"], "confirmed"),
        ("completed", "paid", ["flown"], "completed"),
        ("cancelled", "paid", [], "cancelled"),
        ("cancelled", "refunded", [], "refunded"),
        ("expired", "unpaid", [], "expired"),
        ("expired", "refunded", [], "refunded"),
    ],
)
def test_one_word_for_people(status, payment, coupons, word):
    assert display_status(OrderStatus(status), OrderPaymentStatus(payment), coupons) == word
