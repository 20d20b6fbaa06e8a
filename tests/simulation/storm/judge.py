"""The judge of a storm: a program of its own that knows the provider's list API and the books' SQL, and nothing else.

    python -m tests.simulation.storm.judge DATABASE_URL PROVIDER_URL API_KEY [--faults]

It imports nothing of the program that it judges. It prints what does not add up, one line each, and ends with 1 if
there is anything. Sums are minor units.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter, defaultdict
from typing import Any

import asyncpg
import httpx

JSON = dict[str, Any]
SETTLED_REFUNDS = ("succeeded", "pending", "requires_action")

# Each statement finds what must not be; what it selects is printed.
STATEMENTS: dict[str, str] = {
    "a posting does not balance": """
        SELECT posting_id, currency, sum(amount_minor) AS off FROM ledger_entries
        GROUP BY posting_id, currency HAVING sum(amount_minor) <> 0
    """,
    "money of an order is neither earned nor owed": """
        SELECT orders.record_locator, orders.status, orders.payment_status, entry.account, entry.currency,
               sum(entry.amount_minor) AS balance
        FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
        JOIN orders ON orders.id = posting.order_id
        WHERE entry.account IN ('customer_deposits', 'refunds_payable')
        AND NOT EXISTS (SELECT FROM refunds WHERE refunds.order_id = orders.id AND refunds.status = 'failed')
        AND NOT EXISTS (SELECT FROM payments WHERE payments.order_id = orders.id AND status = 'succeeded'
                        AND received_currency IS NULL AND received_minor <> amount_minor)
        GROUP BY orders.id, entry.account, entry.currency HAVING sum(entry.amount_minor) <> 0
    """,
    "a cabin counts other seats than its claims": """
        SELECT leg.leg_id, leg.cabin, leg.held, leg.sold, coalesce(claim.held, 0) AS held_claims,
               coalesce(claim.sold, 0) AS sold_claims
        FROM leg_cabins AS leg LEFT JOIN (
            SELECT leg_id, cabin, sum(seats) FILTER (WHERE state = 'held') AS held,
                   sum(seats) FILTER (WHERE state = 'sold') AS sold
            FROM hold_items GROUP BY leg_id, cabin
        ) AS claim USING (leg_id, cabin)
        WHERE (leg.held, leg.sold) <> (coalesce(claim.held, 0), coalesce(claim.sold, 0))
    """,
    "a cabin is sold beyond its authorisation": """
        SELECT leg_id, cabin, sold, held, blocked, authorised, excess FROM leg_cabins
        WHERE sold + held + blocked > authorised + excess
    """,
    "a cabin carries other passengers than have coupons for it": """
        SELECT leg.leg_id, leg.cabin, leg.sold, coalesce(flying.passengers, 0) AS coupons
        FROM leg_cabins AS leg LEFT JOIN (
            SELECT covered.leg_id, sold.cabin, count(*) AS passengers
            FROM coupons AS coupon
            JOIN documents AS document ON document.id = coupon.document_id AND document.status = 'issued'
            JOIN order_segments AS sold ON sold.id = coupon.segment_id
            JOIN order_passengers AS passenger ON passenger.id = coupon.passenger_id AND passenger.type <> 'infant'
            JOIN orders ON orders.id = document.order_id
            CROSS JOIN LATERAL (
                SELECT DISTINCT item.leg_id FROM hold_items AS item JOIN legs ON legs.id = item.leg_id
                WHERE item.hold_id = orders.hold_id AND legs.flight_date_id = sold.flight_date_id
            ) AS covered
            WHERE coupon.status NOT IN ('void', 'exchanged', 'refunded')
            GROUP BY covered.leg_id, sold.cabin
        ) AS flying USING (leg_id, cabin)
        WHERE leg.sold <> coalesce(flying.passengers, 0)
    """,
    "a passenger has two live coupons for one flight": """
        SELECT segment_id, passenger_id, count(*) FROM coupons WHERE status NOT IN ('void', 'exchanged', 'refunded')
        GROUP BY segment_id, passenger_id HAVING count(*) > 1
    """,
    "a document number was used twice": """
        SELECT number, count(*) FROM documents GROUP BY number HAVING count(*) > 1
    """,
    "an order is confirmed and not ticketed, or ticketed and not paid": """
        SELECT record_locator, status, payment_status, ticketing_status, paid_minor, total_minor FROM orders
        WHERE status IN ('confirmed', 'completed') AND (
            paid_minor < total_minor
            OR (SELECT count(DISTINCT passenger_id) FROM documents WHERE order_id = orders.id)
               <> (SELECT count(*) FROM order_passengers WHERE order_id = orders.id))
    """,
    "an order that nobody paid still holds seats": """
        SELECT record_locator, orders.status, hold.status AS hold FROM orders JOIN holds AS hold ON hold.id = hold_id
        WHERE orders.status IN ('expired', 'cancelled') AND hold.status IN ('active')
    """,
    "something is still under way": """
        SELECT 'order' AS what, record_locator AS which, status FROM orders WHERE status IN ('pending', 'reserved')
        UNION ALL SELECT 'payment', id::text, status FROM payments
            WHERE status IN ('requires_payment', 'requires_action', 'processing', 'failed')
        UNION ALL SELECT 'refund', id::text, status FROM refunds WHERE status = 'pending'
        UNION ALL SELECT 'job', entrypoint, convert_from(payload, 'UTF8') FROM jobs WHERE status = 'failed'
    """,
    "an order waits for a bank that decides about nothing": """
        SELECT record_locator, orders.status, payment_status,
               (SELECT string_agg(axis || ' ' || to_state || ': ' || reason, ', ' ORDER BY id)
                FROM order_history WHERE order_id = orders.id) AS history,
               (SELECT string_agg(method || ' ' || event.to_status || ': ' || event.kind || ' by ' || event.actor, ', '
                                  ORDER BY event.id)
                FROM payments JOIN payment_events AS event ON payment_id = payments.id
                WHERE order_id = orders.id) AS payments
        FROM orders WHERE payment_status = 'processing'
    """,
    "an infant flies on the lap of nobody": """
        SELECT orders.record_locator, baby.segment_id, own.status AS adult FROM coupons AS baby
        JOIN order_passengers AS infant ON infant.id = baby.passenger_id AND infant.type = 'infant'
        JOIN orders ON orders.id = infant.order_id
        LEFT JOIN LATERAL (
            SELECT coupon.status FROM coupons AS coupon WHERE coupon.passenger_id = infant.accompanying_id
            AND coupon.segment_id = baby.segment_id ORDER BY coupon.status IN ('void', 'exchanged', 'refunded') LIMIT 1
        ) AS own ON true
        WHERE baby.status NOT IN ('void', 'exchanged', 'refunded')
        AND coalesce(own.status, 'void') IN ('void', 'exchanged', 'refunded')
    """,
    "a ticket was sold for a flight that had been cancelled": """
        SELECT orders.record_locator, document.number, document.issued_at, segment.flight_date_id
        FROM documents AS document JOIN orders ON orders.id = document.order_id
        JOIN coupons AS coupon ON coupon.document_id = document.id
        JOIN order_segments AS segment ON segment.id = coupon.segment_id
        JOIN flight_date_changes AS change ON change.flight_date_id = segment.flight_date_id
            AND 'cancelled' = ANY (change.kinds) AND change.changed_at < document.issued_at
        -- A sale and a cancellation that meet cannot see each other; what follows the cancellation finds the order.
        WHERE segment.status <> 'cancelled' OR change.changed_at < document.issued_at - interval '3 seconds'
    """,
    "a message of the provider was handled twice": """
        SELECT provider, event_id, count(*) FROM provider_event_attempts WHERE outcome = 'handled'
        GROUP BY provider, event_id HAVING count(*) > 1
    """,
    "an agency's balance is not its movements, or beyond its credit": """
        SELECT agency.code, balance_minor, credit_limit_minor, moved.sum, books.sum AS books
        FROM agencies AS agency
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS sum FROM agency_movements WHERE agency_id = agency.id
        ) AS moved ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS sum FROM ledger_entries
            WHERE account IN ('agency_deposit', 'agency_receivable') AND ledger_entries.agency_id = agency.id::text
        ) AS books ON true
        WHERE balance_minor <> moved.sum OR balance_minor <> -books.sum
        -- Nobody changes a limit in a storm, so that it held at each movement.
        OR EXISTS (SELECT FROM agency_movements AS move
                   WHERE move.agency_id = agency.id AND move.balance_minor + credit_limit_minor < 0)
    """,
    "money was given back while a bank decided about it": """
        SELECT orders.record_locator, refund.id, refund.destination, refund.reason, refund.created_at
        FROM refunds AS refund JOIN orders ON orders.id = refund.order_id
        JOIN disputes AS dispute ON dispute.payment_id = refund.payment_id
        JOIN dispute_events AS opened ON opened.dispute_id = dispute.id AND opened.to_status = 'open'
            AND opened.recorded_at < refund.created_at
        WHERE coalesce(dispute.closed_at, 'infinity') > refund.created_at
    """,
    "a passenger may fly on money that a bank has taken": """
        SELECT orders.record_locator, document.number, coupon.number AS coupon
        FROM disputes AS dispute JOIN orders ON orders.id = dispute.order_id AND orders.currency = dispute.currency
        JOIN documents AS document ON document.order_id = orders.id
        JOIN coupons AS coupon ON coupon.document_id = document.id
        WHERE dispute.status IN ('open', 'lost') AND orders.payment_status <> 'paid' AND coupon.status = 'open'
    """,
    "a travel credit's balance is not its movements, or below zero": """
        SELECT credit.id, balance_minor, moved.sum, books.sum AS books FROM travel_credits AS credit
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS sum FROM travel_credit_movements WHERE credit_id = credit.id
        ) AS moved ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS sum FROM ledger_entries
            WHERE account = 'travel_credit' AND ledger_entries.credit_id = credit.id
        ) AS books ON true
        WHERE balance_minor <> moved.sum OR balance_minor <> -books.sum OR balance_minor < 0
    """,
    "a drawer is not what its receipts say": """
        SELECT shift.id, float_minor, taken_minor, paid_out_minor, receipts.sum, books.sum AS books
        FROM cash_shifts AS shift
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS sum FROM cash_receipts WHERE shift_id = shift.id
        ) AS receipts ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS sum FROM ledger_entries
            WHERE account = 'cash' AND ledger_entries.shift = shift.id::text
        ) AS books ON true
        WHERE status = 'open' AND (
            taken_minor - paid_out_minor <> receipts.sum OR float_minor + receipts.sum <> books.sum)
    """,
    "the audit trail does not say where an order stands": """
        SELECT orders.record_locator, fact.name, fact.present, last.told
        FROM orders
        CROSS JOIN LATERAL (VALUES
            ('status', 'reserved', status), ('payment_status', 'unpaid', payment_status),
            ('ticketing_status', 'none', ticketing_status), ('paid', '0', paid_minor::text),
            ('refunded', '0', refunded_minor::text)
        ) AS fact (name, first, present)
        LEFT JOIN LATERAL (
            SELECT CASE WHEN fact.name IN ('paid', 'refunded')
                        THEN replace(split_part(after ->> fact.name, ' ', 1), '.', '')::bigint::text
                        ELSE after ->> fact.name END AS told
            FROM audit_entries WHERE order_id = orders.id AND action LIKE 'order.%' AND after ->> fact.name IS NOT NULL
            ORDER BY recorded_at DESC, id DESC LIMIT 1
        ) AS last ON true
        WHERE coalesce(last.told, fact.first) <> fact.present
    """,
    "the audit trail leaves out what was done": """
        SELECT done.action, (SELECT record_locator FROM orders WHERE id = done.order_id) AS order, done.times,
               coalesce(told.times, 0) AS told
        FROM (
            SELECT action, order_id, count(*) AS times FROM (
                SELECT 'order.created', id FROM orders
                UNION ALL SELECT 'order.given_up', order_id FROM cancellation_quotes WHERE status = 'confirmed'
                UNION ALL
                    SELECT 'payment.' || CASE WHEN kind IN ('begun', 'closed') THEN kind ELSE to_status END, order_id
                    FROM payment_events JOIN payments ON payments.id = payment_id
                    WHERE from_status IS DISTINCT FROM to_status
                UNION ALL SELECT 'refund.begun', order_id FROM refunds
                    WHERE destination = 'original_payment' AND reason <> 'made at the provider'
                UNION ALL SELECT 'refund.made_at_provider', order_id FROM refunds WHERE reason = 'made at the provider'
                UNION ALL SELECT 'refund.' || status, order_id FROM refunds
                    WHERE destination = 'original_payment' AND status <> 'pending'
                UNION ALL SELECT 'dispute.' || to_status, order_id
                    FROM dispute_events JOIN disputes ON disputes.id = dispute_id
                UNION ALL SELECT 'credit.' || kind, coalesce(payments.order_id, refunds.order_id)
                    FROM travel_credit_movements AS moved LEFT JOIN payments ON payments.id = moved.cause_id
                    LEFT JOIN refunds ON refunds.id = moved.cause_id WHERE kind <> 'expired'
                UNION ALL SELECT CASE kind WHEN 'returned' THEN 'agency.refunded' ELSE 'agency.' || kind END,
                        coalesce(payments.order_id, refunds.order_id)
                    FROM agency_movements AS moved LEFT JOIN payments ON payments.id = moved.cause_id
                    LEFT JOIN refunds ON refunds.id = moved.cause_id
                UNION ALL SELECT CASE kind WHEN 'paid' THEN 'cash.taken' ELSE 'cash.paid_out' END,
                        coalesce(payments.order_id, refunds.order_id)
                    FROM cash_receipts AS moved LEFT JOIN payments ON payments.id = moved.cause_id
                    LEFT JOIN refunds ON refunds.id = moved.cause_id
            ) AS each (action, order_id) GROUP BY action, order_id
        ) AS done
        LEFT JOIN (
            SELECT action, order_id, count(*) AS times FROM audit_entries GROUP BY action, order_id
        ) AS told ON told.action = done.action AND told.order_id IS NOT DISTINCT FROM done.order_id
        WHERE done.times > coalesce(told.times, 0)
    """,
    "somebody signed what they had asked for": """
        SELECT id, kind, subject, requested_by FROM approvals WHERE status = 'approved' AND resolved_by = requested_by
    """,
    "a mail was not sent, or cannot be": """
        SELECT kind, cause, status, attempts, last_error FROM notices WHERE status IN ('waiting', 'failed')
    """,
    "somebody was told twice of one thing": """
        SELECT kind, cause, count(*) FROM notices GROUP BY kind, cause HAVING count(*) > 1
    """,
    "the unflown liability is not the value of the open coupons": """
        SELECT coalesce(books.currency, coupons.currency) AS currency, books.liability, coupons.value FROM (
            SELECT currency, -sum(amount_minor) AS liability FROM ledger_entries
            WHERE account IN ('unflown_fare', 'unflown_carrier_charges') GROUP BY currency
        ) AS books FULL JOIN (
            SELECT coupon.currency, sum(value_minor + carrier_charges_minor) AS value FROM coupons AS coupon
            JOIN documents AS document ON document.id = document_id
            WHERE coupon.status IN ('open', 'airport_control', 'checked_in', 'lifted', 'suspended')
            AND document.status = 'issued'
            GROUP BY coupon.currency
        ) AS coupons USING (currency)
        WHERE coalesce(books.liability, 0) <> coalesce(coupons.value, 0)
    """,
}

# What an agency, a drawer and travel credits gave for an order and got back, of the documents that moved it.
OWN_MONEY = """
    SELECT order_id, sum(amount)::bigint AS kept FROM (
        SELECT payments.order_id, -movement.amount_minor AS amount FROM agency_movements AS movement
        JOIN payments ON payments.id = cause_id WHERE kind = 'paid'
        UNION ALL SELECT payments.order_id, receipt.amount_minor FROM cash_receipts AS receipt
        JOIN payments ON payments.id = cause_id WHERE kind = 'paid'
        UNION ALL SELECT payments.order_id, -movement.amount_minor FROM travel_credit_movements AS movement
        JOIN payments ON payments.id = cause_id WHERE kind = 'spent'
        UNION ALL SELECT refunds.order_id, -movement.amount_minor FROM agency_movements AS movement
        JOIN refunds ON refunds.id = cause_id WHERE kind = 'returned'
        UNION ALL SELECT refunds.order_id, receipt.amount_minor FROM cash_receipts AS receipt
        JOIN refunds ON refunds.id = cause_id WHERE kind = 'paid_out'
        UNION ALL SELECT refunds.order_id, -movement.amount_minor FROM travel_credit_movements AS movement
        JOIN refunds ON refunds.id = cause_id WHERE kind = 'returned'
    ) AS moved GROUP BY order_id
"""

# Documents undone by one person of staff, though with them the order gave back more than one may decide.
UNSIGNED = """
    SELECT orders.record_locator, voided.actor_id, given.back FROM audit_entries AS voided
    JOIN orders ON orders.id = voided.order_id
    CROSS JOIN LATERAL (
        SELECT sum(amount_minor)::bigint AS back FROM refunds
        WHERE order_id = orders.id AND currency = orders.currency AND status <> 'failed'
        AND created_at <= voided.recorded_at
    ) AS given
    WHERE voided.action = 'order.voided' AND given.back > $1
    AND NOT EXISTS (SELECT FROM audit_entries AS signed WHERE signed.action = 'approval.approved'
                    AND signed.transaction_id = voided.transaction_id)
"""

# The seats that were open to each class of a cabin at an instant, told by who held or had bought seats then.
CLAIMS_THEN = """
    SELECT item.leg_id, item.cabin, item.rbd, sum(item.seats) AS seats
    FROM hold_items AS item JOIN holds AS hold ON hold.id = item.hold_id
    WHERE (item.leg_id, item.cabin) IN (SELECT leg_id, cabin FROM hold_items WHERE hold_id = $1)
    AND item.hold_id <> $1 AND hold.created_at <= $2 AND hold.replaces IS DISTINCT FROM $1
    AND CASE hold.status WHEN 'confirmed' THEN true WHEN 'active' THEN hold.expires_at > $2
        ELSE least(coalesce(hold.resolved_at, hold.expires_at), hold.expires_at) > $2 END
    GROUP BY item.leg_id, item.cabin, item.rbd
"""


async def everything(provider: httpx.AsyncClient, path: str, **only: str) -> list[JSON]:
    """All objects of a list, page by page."""
    found: list[JSON] = []
    after: JSON = {}
    while True:
        answer = await provider.get(path, params={"limit": 100, **only, **after})
        answer.raise_for_status()
        page = answer.json()
        found += page["data"]
        if not page["has_more"]:
            return found
        after = {"starting_after": page["data"][-1]["id"]}


class Judge:
    """Collects what is wrong."""

    def __init__(self, connection: Any, provider: httpx.AsyncClient, *, faults: bool, limit: int | None) -> None:
        self.connection = connection
        self.provider = provider
        self.faults = faults
        self.limit = limit
        self.wrong: list[str] = []
        self.captured = 0
        self.ticketed = 0
        self.seen: Counter[str] = Counter()

    def accuse(self, what: str, details: object) -> None:
        self.wrong.append(f"{what}: {details}")

    async def judge(self) -> list[str]:
        """Everything that does not add up."""
        for what, statement in STATEMENTS.items():
            for row in await self.connection.fetch(statement):
                self.accuse(what, dict(row))
        for row in await self.connection.fetch(UNSIGNED, self.limit) if self.limit is not None else ():
            self.accuse("one person of staff gave back more than one may", dict(row))
        charges = [charge for charge in await everything(self.provider, "/v1/charges") if charge["paid"]]
        refunds = await everything(self.provider, "/v1/refunds")
        await self._disputes(await self._charges(charges, refunds))
        await self._clearing()
        await self._open_at_provider()
        await self._lateness()
        return self.wrong

    async def _charges(self, charges: list[JSON], refunds: list[JSON]) -> dict[str, Any]:
        """Every charge has its ticketed order or went back whole; what the provider kept is what the books say.
        Answers whose order each charge is of.
        """
        kept: dict[Any, int] = defaultdict(int)
        for row in await self.connection.fetch(OWN_MONEY):
            kept[row["order_id"]] = row["kept"]
        owners: dict[str, Any] = {}
        back: Counter[str] = Counter()
        for refund in refunds:
            if refund["status"] in SETTLED_REFUNDS:
                back[refund["charge"]] += refund["amount"]
        for charge in charges:
            found = await self._order_of(charge)
            if found is None:
                self.accuse("a charge without an order", charge["id"])
                continue
            owners[charge["id"]] = order = found["order_id"]
            left = charge["amount_captured"] - back[charge["id"]]
            if charge["currency"].upper() == found["currency"]:
                kept[order] += left
                continue
            # It buys nothing, whatever it is worth.
            self.seen["money of another currency"] += 1
            if left and not found["sent_back_by_bank"]:
                self.accuse("money of another currency did not go back", (charge["id"], dict(found), left))
        for order, amount in kept.items():
            row = await self.connection.fetchrow(
                """
                SELECT record_locator, status, payment_status, paid_minor, refunded_minor, total_minor,
                       (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE order_id = orders.id
                        AND refunds.currency = orders.currency AND status = 'succeeded'
                        AND destination = 'travel_credit') AS credited,
                       (SELECT count(*) FROM documents WHERE order_id = orders.id) AS documents,
                       (SELECT count(*) FROM order_segments WHERE order_id = orders.id
                        AND status_code = 'UN') AS unflown,
                       (SELECT string_agg(axis || ' ' || to_state || ': ' || reason, ', ' ORDER BY id)
                        FROM order_history WHERE order_id = orders.id) AS history,
                       (SELECT string_agg(method || ' ' || event.to_status || ': ' || event.kind || ' by '
                                          || event.actor, ', ' ORDER BY event.id)
                        FROM payments JOIN payment_events AS event ON payment_id = payments.id
                        WHERE order_id = orders.id) AS payments,
                       (SELECT count(*) FROM payments WHERE order_id = orders.id AND status = 'succeeded'
                        AND received_currency IS NULL AND received_minor <> amount_minor)
                       + (SELECT count(*) FROM refunds WHERE order_id = orders.id AND status = 'failed') AS asked
                FROM orders WHERE id = $1
                """,
                order,
            )
            self.captured += 1
            self.ticketed += row["documents"] > 0
            if row["documents"] == 0 and amount != row["credited"] and not row["asked"]:
                self.accuse("a charge bought nothing and did not go back", (dict(row), amount))
            if row["paid_minor"] - row["refunded_minor"] + row["credited"] != amount:
                self.accuse("the order's money is not the provider's", (dict(row), amount))
            if not self.faults and row["documents"] == 0 and not row["unflown"]:
                self.accuse("without any fault a captured order has no tickets, though its flights operate", dict(row))
        return owners

    async def _order_of(self, charge: JSON) -> Any:
        """The order, its currency, and whether a bank has sent a refund of the charge back."""
        return await self.connection.fetchrow(
            """
            SELECT order_id, orders.currency, EXISTS (
                SELECT FROM refunds WHERE payment_id = payments.id AND refunds.status = 'failed') AS sent_back_by_bank
            FROM payments JOIN orders ON orders.id = order_id
            WHERE provider = 'stripe'
            AND ($1 IN (provider_payment_id, provider_capture_id) OR payments.id::text = $2)
            """,
            charge["payment_intent"],
            charge["metadata"].get("payment_id", ""),
        )

    async def _open_at_provider(self) -> None:
        """Nothing can be paid any more for an order that has ended or is paid."""
        sessions = await everything(self.provider, "/v1/checkout/sessions")
        for session in sessions:
            if session["status"] == "open":
                self.accuse("a page is open at the provider", (session["id"], session["metadata"]))
        # What a page has begun is moved by that page alone.
        paged = {session["payment_intent"] for session in sessions}
        for intent in await everything(self.provider, "/v1/payment_intents"):
            if intent["status"] not in {"succeeded", "canceled"} and intent["id"] not in paged:
                self.accuse("an attempt is open at the provider", (intent["id"], intent["status"], intent["metadata"]))

    async def _clearing(self) -> None:
        """What the books say the provider holds for us is every movement of its balance; the fees that it keeps are
        ours to book when it pays out what they were for, and the bank has what it was sent.
        """
        moved: dict[str, int] = defaultdict(int)
        fees: dict[str, int] = defaultdict(int)
        banked: dict[str, int] = defaultdict(int)
        payouts = await everything(self.provider, "/v1/payouts")
        on_its_way = {payout["id"] for payout in payouts if payout["status"] not in {"paid", "failed", "canceled"}}
        for movement in await everything(self.provider, "/v1/balance_transactions"):
            if movement["source"] not in on_its_way:
                moved[movement["currency"].upper()] += movement["amount"]
        for payout in payouts:
            self.seen[f"payout {payout['status']}"] += 1
            if payout["id"] in on_its_way:
                continue
            currency = payout["currency"].upper()
            banked[currency] += payout["amount"] if payout["status"] == "paid" else 0
            for line in await everything(self.provider, "/v1/balance_transactions", payout=payout["id"]):
                fees[currency] += line["fee"]
        for currency in {*moved, *fees}:
            moved[currency] -= fees[currency]
        await self._same("clearing", moved, "account = 'provider_clearing' AND provider = 'stripe'")
        await self._same("the provider's fees", fees, "account = 'provider_fees'")
        await self._same("the bank", banked, "account = 'bank' AND cause_type = 'payout'")

    async def _same(self, what: str, there: dict[str, int], where: str) -> None:
        """What an account of the books holds is what there is, in each currency."""
        rows = await self.connection.fetch(
            f"""
            SELECT currency, sum(amount_minor) AS balance
            FROM ledger_entries JOIN ledger_postings AS posting ON posting.id = posting_id
            WHERE {where} GROUP BY currency
            """
        )
        booked = {row["currency"]: int(row["balance"]) for row in rows}
        for currency in {*there, *booked}:
            if there.get(currency, 0) != booked.get(currency, 0):
                self.accuse(f"{what} is not what the provider says", (currency, booked.get(currency), there[currency]))

    async def _disputes(self, owners: dict[str, Any]) -> None:
        """Of each order, in each currency, the account of chargebacks holds what banks have taken and not given back,
        before what its cancellations made up for: never more than that.
        """
        taken: dict[Any, int] = defaultdict(int)
        for dispute in await everything(self.provider, "/v1/disputes"):
            self.seen[f"dispute {dispute['status']}"] += 1
            if dispute["charge"] in owners:
                # What the bank took is negative there; a dispute that is only asked about has moved nothing.
                key = owners[dispute["charge"]], dispute["currency"].upper()
                taken[key] -= sum(each["amount"] for each in dispute["balance_transactions"])
        booked = await self.connection.fetch(
            """
            SELECT posting.order_id, entry.currency, sum(entry.amount_minor)::bigint AS left_of_it,
                   coalesce(sum(entry.amount_minor) FILTER (WHERE cause_type = 'dispute'), 0)::bigint AS balance
            FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.id = entry.posting_id
            WHERE entry.account = 'chargebacks' GROUP BY posting.order_id, entry.currency
            """
        )
        balances = {(row["order_id"], row["currency"]): row["balance"] for row in booked}
        self.seen["chargebacks made up for"] += sum(row["balance"] != row["left_of_it"] for row in booked)
        for row in booked:
            if row["left_of_it"] < 0:
                self.accuse("an order has made up for more than banks have taken", dict(row))
        for key in {*taken, *balances}:
            if taken.get(key, 0) != balances.get(key, 0):
                self.accuse("the chargebacks of an order are not the bank's", (key, balances.get(key), taken[key]))

    async def _lateness(self) -> None:
        """Money went back for lateness only where its seats were gone when it was settled."""
        late = await self.connection.fetch(
            """
            SELECT orders.record_locator, orders.hold_id, refund.created_at
            FROM refunds AS refund JOIN orders ON orders.id = refund.order_id
            WHERE refund.reason = 'seats gone'
            """
        )
        for row in late:
            if not self.faults:
                self.accuse("without any fault money went back for lateness", dict(row))
            if await self._seats_were_there(row["hold_id"], row["created_at"]):
                self.accuse("money went back though its seats were there", dict(row))

    async def _seats_were_there(self, hold: Any, at: Any) -> bool:
        claims: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
        for row in await self.connection.fetch(CLAIMS_THEN, hold, at):
            claims[row["leg_id"], row["cabin"]][row["rbd"]] = int(row["seats"])
        wanted = await self.connection.fetch(
            """
            SELECT item.leg_id, item.cabin, item.rbd, sum(item.seats) AS seats, leg.classes, leg.limits, leg.authorised,
                   leg.blocked, leg.on_sale
            FROM hold_items AS item JOIN leg_cabins AS leg USING (leg_id, cabin)
            WHERE hold_id = $1 GROUP BY item.leg_id, item.cabin, item.rbd, leg.classes, leg.limits, leg.authorised,
                leg.blocked, leg.on_sale
            """,
            hold,
        )
        for row in wanted:
            taken = claims[row["leg_id"], row["cabin"]]
            if not row["on_sale"] or open_seats(row, taken) < row["seats"]:
                return False
        return True


def open_seats(cabin: Any, taken: dict[str, int]) -> int:
    """Standard nesting: class j is open for the least of b_i less what is taken in classes i and below, over i <= j."""
    ladder = cabin["classes"]
    rank = ladder.index(cabin["rbd"])
    room = [
        limit - sum(taken.get(rbd, 0) for rbd in ladder[position:]) for position, limit in enumerate(cabin["limits"])
    ]
    whole = cabin["authorised"] - cabin["blocked"] - sum(taken.values())
    return max(0, min(*room[: rank + 1], whole)) if rank else max(0, min(room[0], whole))


async def judge(database_url: str, provider_url: str, api_key: str, *, faults: bool, limit: int | None = None) -> Judge:
    """The judgement of a storm that has calmed down; above ``limit`` nobody gives back alone."""
    connection = await asyncpg.connect(database_url)
    try:
        async with httpx.AsyncClient(base_url=provider_url, auth=(api_key, ""), timeout=30) as provider:
            judged = Judge(connection, provider, faults=faults, limit=limit)
            await judged.judge()
            return judged
    finally:
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database_url")
    parser.add_argument("provider_url")
    parser.add_argument("api_key")
    parser.add_argument("--faults", action="store_true", help="there were faults: some money may go back for lateness")
    arguments = parser.parse_args()
    judged = asyncio.run(
        judge(arguments.database_url, arguments.provider_url, arguments.api_key, faults=arguments.faults)
    )
    print("\n".join(judged.wrong) or f"all adds up: {judged.captured} captured orders, {judged.ticketed} ticketed")
    sys.exit(1 if judged.wrong else 0)


if __name__ == "__main__":
    main()
