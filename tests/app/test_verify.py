"""``ais verify``: a database of real orders breaks no promise, and a planted violation of each is named.

Violations are planted by SQL past every trigger, foreign key and, where one stands in the way, constraint; each in a
transaction that is rolled back.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.accounts import PASSWORD
from tests.factories.in_process import ADULT, CHILD, INFANT, bearer, departure, in_process, new_key
from tests.factories.programs import market, simulator

from ais.accounts import LinkPurpose, Origin, register, verify_address
from ais.accounts.audit.repository import CONTENT as ENTRY_CONTENT
from ais.app.invariants import INVARIANTS
from ais.platform.invariants import find_violations

__all__ = ["market", "simulator"]

CONFIRMED = "(SELECT id FROM orders WHERE status = 'confirmed' ORDER BY id LIMIT 1)"
RESERVED = "(SELECT id FROM orders WHERE status = 'reserved' ORDER BY id LIMIT 1)"
EXPIRED = "(SELECT id FROM orders WHERE status = 'expired' ORDER BY id LIMIT 1)"
A_DOCUMENT = "(SELECT id FROM documents ORDER BY number LIMIT 1)"
NO_LIMITS = "ALTER TABLE leg_cabins DROP CONSTRAINT leg_cabins_totals, DROP CONSTRAINT leg_cabins_within_authorisation"

POSTING = """
    INSERT INTO ledger_postings (id, kind, cause_type, cause_id, actor, channel, happened_at, entry_count)
    VALUES (gen_random_uuid(), 'captured', 'payment', 'planted', 'system:test', 'cli', ais_now(), 2)"""

CHAIN_AN_ENTRY = f"""
    DELETE FROM audit_chain;
    INSERT INTO audit_chain (position, entry_id, hash)
    SELECT 1, entry.id, sha256(decode(repeat('00', 32), 'hex') || convert_to({ENTRY_CONTENT}, 'UTF8'))
    FROM audit_entries AS entry LIMIT 1"""

# By name of the invariant: the statement that breaks it; a constraint that would refuse that is dropped first.
PLANTED: dict[str, str] = {
    "accounts.only_active_accounts_have_sessions": "UPDATE users SET status = 'locked'",
    "accounts.one_refresh_token_is_open": "UPDATE refresh_tokens SET used_at = ais_now()",
    "accounts.links_make_one_account": "UPDATE one_time_links SET used_at = NULL",
    "accounts.addresses_are_claimed": "DELETE FROM address_claims",
    "accounts.found_by_a_key_in_use": "UPDATE lookup_keys SET dropped_at = ais_now()",
    "orders.found_by_a_key_in_use": "UPDATE lookup_keys SET dropped_at = ais_now()",
    "schedule.legs_connect": "UPDATE legs SET sequence = 2 WHERE id = (SELECT min(id) FROM legs)",
    "schedule.segments_follow_legs": """
        UPDATE segments SET departs_at = departs_at - interval '1 minute' WHERE id = (SELECT min(id) FROM segments)""",
    "schedule.every_pair_is_a_segment": "DELETE FROM segments WHERE id = (SELECT max(id) FROM segments)",
    "schedule.cancelled_flights_have_nothing_flown": """
        UPDATE flight_dates SET status = 'cancelled', cancelled_by = 'schedule'
        WHERE id = (SELECT id FROM flight_dates LIMIT 1)""",
    "schedule.only_passenger_flights_are_sold": "UPDATE flight_dates SET service_type = 'F' WHERE on_sale",
    "schedule.flights_lie_in_a_validity": "DELETE FROM schedule_data_sets",
    "inventory.counters_equal_holds": "UPDATE hold_items SET seats = seats + 1 WHERE state = 'sold'",
    "inventory.totals_equal_classes": f"{NO_LIMITS}; UPDATE leg_cabins SET held = held + 1 WHERE sold > 0",
    "inventory.within_authorisation": f"""
        {NO_LIMITS}; UPDATE leg_cabins SET authorised = 0, limits = array_fill(0, ARRAY[length(classes)])
        WHERE sold > 0""",
    "inventory.limits_descend": "UPDATE leg_cabins SET limits[3] = limits[1] + 1 WHERE sold > 0",
    "inventory.holds_resolved_once": "UPDATE hold_items SET state = 'released' WHERE state = 'held'",
    "inventory.no_early_expiry": "UPDATE hold_items SET expires_at = expires_at + interval '1 hour'",
    "inventory.expired_holds_swept": """
        UPDATE holds SET created_at = created_at - interval '2 hours', expires_at = ais_now() - interval '11 minutes'
        WHERE status = 'active'""",
    "inventory.next_expiry_not_late": "UPDATE leg_cabins SET next_expiry_at = NULL",
    "inventory.successor_of_expired": f"""
        UPDATE holds SET replaces = (SELECT hold_id FROM orders WHERE id = {CONFIRMED}) WHERE status = 'active'""",
    "inventory.infants_counted": "UPDATE leg_infants SET sold = sold + 1 WHERE sold > 0",
    "fares.replaced_versions_end": """
        UPDATE fare_versions SET superseded_at = ais_now(), sale_ends_at = NULL
        WHERE id = (SELECT min(id) FROM fare_versions)""",
    "fares.percentages_have_bases": """
        UPDATE tax_versions SET percent_of = ARRAY['QQ']
        WHERE id = (SELECT min(id) FROM tax_versions WHERE percent_of <> '{}')""",
    "fares.brands_are_known": """
        UPDATE tax_versions SET brands = ARRAY['GOLD'] WHERE id = (SELECT min(id) FROM tax_versions)""",
    "fares.rules_are_complete": """
        UPDATE fare_versions SET rule = rule - 'baggage' WHERE id = (SELECT min(id) FROM fare_versions)""",
    "ledger.postings_balance": POSTING,
    "ledger.one_posting_per_cause": f"""
        ALTER TABLE ledger_postings DROP CONSTRAINT ledger_postings_one_per_cause; {POSTING}; {POSTING}""",
    "ledger.coupons_never_owe": f"""
        INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency, document_id, coupon_number)
        VALUES (gen_random_uuid(), 1, 'unflown_fare', 900000, 'SAR', {A_DOCUMENT}, 1)""",
    "ledger.chain_holds": """
        INSERT INTO ledger_chain (position, posting_id, hash)
        SELECT coalesce(max(position), 0) + 1, gen_random_uuid(), sha256('other') FROM ledger_chain""",
    "ledger.heads_agree": """
        INSERT INTO ledger_heads (position, hash, signed_at, key_id, signature)
        SELECT coalesce(max(position), 0) + 1, '', ais_now(), 'k', '' FROM ledger_heads""",
    "ledger.travel_credit_never_below_zero": """
        INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency, credit_id)
        VALUES (gen_random_uuid(), 1, 'travel_credit', 1, 'SAR', gen_random_uuid())""",
    "audit.chain_holds": """
        INSERT INTO audit_chain (position, entry_id, hash)
        SELECT coalesce(max(position), 0) + 1, gen_random_uuid(), sha256('other') FROM audit_chain""",
    "audit.heads_agree": """
        INSERT INTO audit_heads (position, hash, signed_at, key_id, signature)
        SELECT coalesce(max(position), 0) + 1, '', ais_now(), 'k', '' FROM audit_heads""",
    "audit.every_entry_is_chained": """
        UPDATE audit_chain_progress SET next_transaction_id = pg_snapshot_xmax(pg_current_snapshot())""",
    "orders.moves_are_audited": f"DELETE FROM audit_entries WHERE order_id = {EXPIRED}",
    "orders.postings_are_audited": POSTING,
    "payments.refunds_within_received": "UPDATE payments SET refunded_minor = 1 WHERE status = 'succeeded'",
    "payments.other_currencies_go_back": "UPDATE payments SET received_currency = 'JPY' WHERE status = 'succeeded'",
    "payments.history_ends_at_the_present": """
        UPDATE payments SET status = 'processing' WHERE status = 'requires_payment'""",
    "payments.one_open_attempt": """
        DROP INDEX payments_one_open_attempt;
        INSERT INTO payments (id, order_id, method, provider, amount_minor, currency, channel, expires_at)
        SELECT gen_random_uuid(), order_id, method, provider, amount_minor, currency, channel, expires_at
        FROM payments WHERE status = 'requires_payment'""",
    "payments.travel_credit_is_its_movements": """
        INSERT INTO travel_credits (id, code, order_id, refund_id, currency, issued_minor, balance_minor, expires_at)
        VALUES (gen_random_uuid(), '0123456789ABCDEFGHJK', gen_random_uuid(), gen_random_uuid(), 'SAR', 100, 100,
                ais_now())""",
    "payments.payouts_posted": """
        INSERT INTO payouts (provider, payout_id, amount_minor, fees_minor, currency)
        VALUES ('stripe', 'po_1', 100, 3, 'SAR')""",
    "payments.captures_posted": "UPDATE ledger_postings SET cause_id = cause_id || ' another' WHERE kind = 'captured'",
    "payments.refunds_posted": f"""
        INSERT INTO refunds (id, payment_id, order_id, amount_minor, currency, status, reason, provider_refund_id,
                             actor, channel)
        SELECT gen_random_uuid(), id, order_id, 100, currency, 'succeeded', 'planted', 're_1', 'system:test', 'cli'
        FROM payments WHERE order_id = {CONFIRMED}""",
    "ticketing.issues_posted": "DELETE FROM ledger_postings WHERE kind = 'issued'",
    "ticketing.unflown_is_open_coupons": f"UPDATE coupons SET status = 'flown' WHERE document_id = {A_DOCUMENT}",
    "payments.agencies_are_their_movements": """
        INSERT INTO agencies (id, code, name, currency, balance_minor)
        VALUES (gen_random_uuid(), 'AAA', 'A', 'SAR', 100)""",
    "payments.disputes_posted": """
        INSERT INTO disputes (id, payment_id, order_id, provider, provider_dispute_id, amount_minor, currency, reason)
        SELECT gen_random_uuid(), id, order_id, provider, 'dp', 1, currency, 'test' FROM payments LIMIT 1""",
    "payments.receipts_in_sequence": """
        INSERT INTO cash_offices (id, code, name, currency, next_receipt)
        VALUES (gen_random_uuid(), 'AAA', 'A', 'SAR', 2)""",
    "payments.drawers_posted": """
        INSERT INTO cash_offices (id, code, name, currency) VALUES (gen_random_uuid(), 'AAA', 'A', 'SAR');
        INSERT INTO cash_shifts (id, office_id, clerk, float_minor)
        SELECT gen_random_uuid(), id, 'c', 1 FROM cash_offices WHERE code = 'AAA'""",
    "ticketing.numbers_accounted_for": "UPDATE ticket_number_ranges SET next_serial = next_serial + 1",
    "ticketing.numbers_unique": f"""
        ALTER TABLE documents DROP CONSTRAINT documents_number_key;
        UPDATE documents SET number = (SELECT number FROM documents WHERE id = {A_DOCUMENT})""",
    "ticketing.coupons_follow_documents": f"UPDATE documents SET status = 'void' WHERE id = {A_DOCUMENT}",
    "ticketing.coupons_in_sequence": f"DELETE FROM coupons WHERE document_id = {A_DOCUMENT} AND number = 2",
    "ticketing.moves_end_at_the_present": f"UPDATE coupons SET status = 'checked_in' WHERE document_id = {A_DOCUMENT}",
    "orders.lines_sum_to_totals": f"""
        UPDATE price_lines SET amount_minor = amount_minor + 1 WHERE order_id = {CONFIRMED} AND position = 1""",
    "orders.paid_equals_received": f"UPDATE orders SET paid_minor = paid_minor + 1 WHERE id = {CONFIRMED}",
    "orders.paid_covers_total": f"UPDATE orders SET total_minor = paid_minor + 1 WHERE id = {CONFIRMED}",
    "orders.coupons_for_confirmed": f"DELETE FROM coupons WHERE document_id = {A_DOCUMENT}",
    "orders.coupon_values_are_fares": f"""
        UPDATE coupons SET value_minor = value_minor + 1 WHERE document_id = {A_DOCUMENT}""",
    "orders.documents_carry_totals": f"UPDATE documents SET total_minor = total_minor + 1 WHERE id = {A_DOCUMENT}",
    "orders.transitory_accounts_zero": """
        UPDATE ledger_entries SET account = 'refunds_payable' WHERE account = 'customer_deposits' AND amount_minor < 0
        """,
    "orders.seats_follow_status": f"""
        UPDATE holds SET status = 'released', resolved_at = ais_now()
        WHERE id = (SELECT hold_id FROM orders WHERE id = {RESERVED})""",
    "orders.holds_fit_orders": f"""
        UPDATE order_segments SET booking_class = 'X' WHERE order_id = {CONFIRMED}""",
    "orders.coupons_have_seats": "UPDATE hold_items SET state = 'released' WHERE state = 'sold'",
    "orders.quotes_sum": "UPDATE cancellation_quotes SET penalty_minor = penalty_minor + 1",
    "orders.given_up_once": "UPDATE cancellation_quotes SET status = 'expired'",
    "orders.disputed_does_not_fly": f"UPDATE orders SET payment_status = 'disputed' WHERE id = {CONFIRMED}",
    "orders.recovered_is_posted": """
        ALTER TABLE cancellation_quote_lines DROP CONSTRAINT cancellation_quote_lines_taken;
        UPDATE cancellation_quote_lines SET taken_minor = 1""",
    "orders.refunds_follow_quotes": "UPDATE cancellation_quotes SET refund_minor = refund_minor + 1",
    "orders.locators_unique": """
        ALTER TABLE orders DROP CONSTRAINT orders_record_locator_key; UPDATE orders SET record_locator = 'ABCDEF'""",
    "orders.one_currency": f"UPDATE payments SET currency = 'EGP' WHERE order_id = {CONFIRMED}",
    "orders.history_ends_at_the_present": f"UPDATE orders SET payment_status = 'disputed' WHERE id = {CONFIRMED}",
    "orders.nobody_overdue": f"""
        UPDATE orders SET payment_required_by = ais_now() - interval '11 minutes' WHERE id = {RESERVED}""",
    "orders.erased_is_forgotten": f"""
        UPDATE person_keys SET wrapped_key = NULL, kek_id = NULL, destroyed_at = ais_now()
        WHERE id = (SELECT contact_person_id FROM orders WHERE id = {CONFIRMED})""",
    "orders.infants_on_laps": f"""
        UPDATE order_passengers SET accompanying_id = (
            SELECT id FROM order_passengers WHERE order_id = {RESERVED} LIMIT 1)
        WHERE type = 'infant' AND order_id = {CONFIRMED}""",
    "rights.nobody_signs_alone": """
        ALTER TABLE approvals DROP CONSTRAINT approvals_second_person;
        INSERT INTO approvals (kind, subject, payload, payload_hash, reason, status, requested_by, expires_at,
                               resolved_by, resolved_at)
        VALUES ('refund', 'ccq_1', '{}', sha256(''), 'planted', 'approved', 'staff:usr_1', ais_now() + interval '1 day',
                'staff:usr_1', ais_now())""",
    "rights.roles_were_signed": """
        INSERT INTO role_grants (user_id, role, granted_by) VALUES (gen_random_uuid(), 'super_admin', 'staff:usr_1')""",
    "orders.waivers_were_signed": f"""
        INSERT INTO cancellation_quotes (id, order_id, status, kind, refund_to, currency, penalty_minor,
            non_refundable_minor, refund_minor, waived_minor, waiver_reason, basis, made_by, channel, expires_at,
            resolved_at)
        VALUES (gen_random_uuid(), {CONFIRMED}, 'confirmed', 'voluntary', 'original_payment', 'SAR', 0, 0, 1, 1, 'kind',
                'x', 'staff:usr_1', 'api', ais_now(), ais_now())""",
}

# More ways to break a promise that says more than one thing.
PLANTED_TOO: list[tuple[str, str]] = [
    (
        "accounts.addresses_are_claimed",
        """UPDATE users SET status = 'closed', email_lookup = NULL, email_sealed = NULL;
           INSERT INTO address_claims SELECT sha256(''), NULL, id FROM users LIMIT 1""",
    ),
    ("accounts.one_refresh_token_is_open", "DELETE FROM refresh_tokens WHERE generation = 0"),
    ("orders.erased_is_forgotten", "UPDATE order_passengers SET name_lookup = NULL"),
    ("ledger.postings_balance", "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE number = 1"),
    ("ledger.postings_balance", "DELETE FROM ledger_entries"),
    (
        "ledger.chain_holds",
        """INSERT INTO ledger_chain (position, posting_id, hash)
           SELECT coalesce(max(position), 0) + 2, gen_random_uuid(), sha256('other') FROM ledger_chain""",
    ),
    ("audit.chain_holds", f"{CHAIN_AN_ENTRY}; UPDATE audit_entries SET subject = 'ord_1'"),
    ("audit.chain_holds", f"{CHAIN_AN_ENTRY}; DELETE FROM audit_entries"),
    ("orders.postings_are_audited", "DELETE FROM audit_entries"),
    (
        "orders.paid_equals_received",
        f"UPDATE payments SET received_currency = 'JPY' WHERE order_id = {CONFIRMED}",
    ),
    ("payments.captures_posted", f"UPDATE payments SET received_currency = 'JPY' WHERE order_id = {CONFIRMED}"),
    ("payments.refunds_within_received", "UPDATE refunds SET currency = 'JPY'"),
    (
        "orders.transitory_accounts_zero",
        f"""UPDATE ledger_entries SET currency = 'JPY' FROM ledger_postings
            WHERE posting_id = ledger_postings.id AND kind = 'captured' AND order_id = {CONFIRMED};
            UPDATE orders SET status = 'reserved' WHERE id = {CONFIRMED}""",
    ),
    (
        "payments.captures_posted",
        f"UPDATE payments SET received_minor = received_minor + 1 WHERE order_id = {CONFIRMED}",
    ),
    ("ticketing.issues_posted", f"DELETE FROM documents WHERE id = {A_DOCUMENT}"),
    ("ticketing.unflown_is_open_coupons", "UPDATE coupons SET carrier_charges_minor = carrier_charges_minor + 1"),
    ("ticketing.unflown_is_open_coupons", f"DELETE FROM coupons WHERE document_id = {A_DOCUMENT}"),
    ("inventory.counters_equal_holds", "DELETE FROM hold_items WHERE state = 'held'"),
    ("inventory.holds_resolved_once", "DELETE FROM hold_items WHERE state = 'sold'"),
    (
        "orders.seats_follow_status",
        f"UPDATE holds SET status = 'expired' FROM orders WHERE holds.id = orders.hold_id AND orders.id = {CONFIRMED}",
    ),
    ("orders.seats_follow_status", f"UPDATE orders SET status = 'expired' WHERE id = {CONFIRMED}"),
    ("orders.coupons_for_confirmed", f"UPDATE orders SET status = 'expired' WHERE id = {CONFIRMED}"),
    ("orders.coupons_for_confirmed", f"UPDATE documents SET order_id = {RESERVED} WHERE id = {A_DOCUMENT}"),
    ("orders.holds_fit_orders", "UPDATE hold_items SET seats = seats + 1 WHERE state = 'held'"),
    (
        "orders.quotes_sum",
        "UPDATE cancellation_quote_lines SET kept_minor = kept_minor + 1, paid_minor = paid_minor + 1",
    ),
    ("orders.quotes_sum", "UPDATE cancellation_quote_lines SET price_line_position = price_line_position + 100"),
    ("orders.given_up_once", f"UPDATE coupons SET status = 'refunded' WHERE document_id = {A_DOCUMENT}"),
    ("orders.refunds_follow_quotes", "DELETE FROM refunds"),
    ("orders.holds_fit_orders", "UPDATE coupons SET status = 'refunded' WHERE status = 'open'"),
    ("orders.lines_sum_to_totals", f"DELETE FROM price_lines WHERE order_id = {RESERVED}"),
    ("orders.lines_sum_to_totals", f"UPDATE orders SET total_minor = total_minor - 1 WHERE id = {RESERVED}"),
    ("orders.paid_equals_received", f"DELETE FROM payments WHERE order_id = {CONFIRMED}"),
    ("orders.history_ends_at_the_present", f"DELETE FROM order_history WHERE order_id = {EXPIRED}"),
    ("ticketing.numbers_accounted_for", "DELETE FROM ticket_number_ranges"),
    ("ticketing.numbers_accounted_for", f"DELETE FROM documents WHERE id = {A_DOCUMENT}"),
]


@pytest.fixture(scope="module")
async def sold(servers, market, simulator, anyio_backend):
    """The market with an order that expired, a confirmed one there and back with an infant, one that waits, and one of
    which one of two has given up."""
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator, hold_minutes=0.03) as program:
            ended = await program.order([ADULT], slices=[("RUH", "JED", departure(21))])
            await asyncio.sleep(2)
            await program.expire(ended)
        async with in_process(url, servers.cache_url(), simulator) as program:
            there_and_back = [("DMM", "CAI", departure(20)), ("CAI", "DMM", departure(24))]
            await program.pay(await program.order([ADULT, CHILD, INFANT], slices=there_and_back))
            await program.begin_payment(await program.order([ADULT, ADULT]))
            await give_up_one_of_two(program)
            await sign_somebody_in(program)
            yield program


async def sign_somebody_in(program):
    """An account that was registered and verified, with a session that has gone on once."""
    services = program.state.account_services
    who = {"email": "mona@travellers.example", "password": PASSWORD}
    await register(services, **who, name=None, language="en")
    (link_id,) = await program.rows("SELECT id FROM one_time_links")
    token = services.tokens.link(LinkPurpose.VERIFY, link_id)
    await verify_address(services, token=token, password=PASSWORD, origin=Origin("", ""))
    tokens = (await program.http.post("/api/v1/auth/login", json=who)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await program.http.post("/api/v1/auth/refresh", json=body)).status_code == 200


async def give_up_one_of_two(program):
    """A confirmed order of two, one of whom has given the journey up."""
    order = await program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(9))])
    await program.pay(order)
    headers = {**bearer(order), "Idempotency-Key": new_key()}
    body = {"passenger_ids": [order["passengers"][0]["id"]]}
    quoted = await program.http.post(f"/api/v1/orders/{order['id']}/cancellation-quotes", json=body, headers=headers)
    confirmation = f"/api/v1/cancellation-quotes/{quoted.json()['id']}/confirm"
    assert (await program.http.post(confirmation, json={}, headers=headers)).status_code == 200
    await program.run_jobs()


async def test_a_database_of_real_orders_breaks_no_promise(sold):
    statuses = await sold.rows("SELECT status FROM orders ORDER BY status")
    assert statuses == ["confirmed", "confirmed", "expired", "reserved"]
    assert await find_violations(sold.database, INVARIANTS) == []


async def test_an_empty_database_breaks_no_promise(database):
    assert await find_violations(database, INVARIANTS) == []


def test_every_promise_has_a_violation_planted_here_and_a_name_of_its_own():
    names = [invariant.name for invariant in INVARIANTS]
    assert sorted(PLANTED) == sorted(names)
    assert len(set(names)) == len(names) >= 15
    assert all(invariant.promise.endswith(".") for invariant in INVARIANTS)


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        pytest.param(name, statement, id=f"{number}-{name}")
        for number, (name, statement) in enumerate([*PLANTED.items(), *PLANTED_TOO])
    ],
)
async def test_a_planted_violation_is_found(sold, name, statement):
    async with sold.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(statement)
            (promise,) = [invariant for invariant in INVARIANTS if invariant.name == name]
            rows = await connection.fetch(f"SELECT * FROM ({promise.sql}) AS offending LIMIT 5")
        finally:
            await transaction.rollback()
    assert rows


async def test_what_breaks_a_promise_is_named_with_at_most_as_many_rows_as_asked(sold):
    async with sold.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE orders SET paid_minor = paid_minor + 1")
        await transaction.commit()
    try:
        violations = await find_violations(sold.database, INVARIANTS, limit=2)
        assert [violation.invariant.name for violation in violations] == ["orders.paid_equals_received"]
        assert [set(row) for row in violations[0].rows] == [
            {"id", "paid_minor", "received", "refunded_minor", "refunded"}
        ] * 2
    finally:
        async with sold.database.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute("UPDATE orders SET paid_minor = paid_minor - 1")
    assert await find_violations(sold.database, INVARIANTS) == []
