"""The guards: what each keeps from happening, where it stands, and how it is taken away.

Many stand behind another one (a CHECK behind a count, a trigger behind a table of moves): with one of the two away
nothing can happen. Those say so in ``behind``, and are taken away together. ``unseen`` says why no storm can find that
a guard is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tests.simulation.mutants.removal import Removal, body, check, code, index, removed, trigger


@dataclass(frozen=True)
class Guard:
    """One guard, or one with those that stand before it."""

    name: str
    keeps: str
    removals: tuple[Removal, ...]
    behind: str = ""
    unseen: str = ""

    def mutation(self) -> Callable[[str], AbstractAsyncContextManager[None]]:
        """What a storm is given, so that it takes place without this guard."""
        return lambda database_url: removed(self.removals, database_url)


_FOR_UPDATE = (" FOR UPDATE", "")
_ORDER_LOCK = code("ais.orders.repository:lock_order_row", _FOR_UPDATE)
_PAYMENT_LOCK = code("ais.payments.repository.payments:lock_payment", _FOR_UPDATE)
_REFUND_LOCKS = code(
    "ais.payments.repository.refunds:lock_refund",
    ("refunds WHERE id = $1) FOR UPDATE", "refunds WHERE id = $1)"),
    ("refunds WHERE id = $1 FOR UPDATE", "refunds WHERE id = $1"),
)
_LOCKING = ("FOR NO KEY UPDATE", "")
_DOOR = (
    code("ais.platform.idempotency:find_answer", ("if row is None:", "if True:")),
    code(
        "ais.platform.idempotency:store_answer",
        ("    try:\n", "    return None\n    try:\n"),
    ),
)
_PAYMENT_MOVES = code(
    "ais.payments.service.pay:settle_payment",
    ("if moves and not PAYMENT_TRANSITIONS.allows(payment.status, status):", "if False:"),
)
_REFUND_CAP = (
    code("ais.payments.service.refund:require_refundable", ("if amount.minor >", "if False and amount.minor >")),
    check("payments", "payments_check"),
)
_ATTEMPT_CLOSED = (
    code(
        "ais.orders.service.expire:close_attempts",
        ("if found.status is not PaymentStatus.SUCCEEDED:", "if False:"),
    ),
    code(
        "ais.orders.service.settle:settle_order_payment",
        ("if settlement.payment.is_open:", "if False:"),
    ),
)
_ONE_ATTEMPT = (
    code("ais.payments.service.pay:begin_payment", ("if not payment.is_open:", "if True:")),
    index("payments_one_open_attempt"),
)
_COUPON_MOVES = (
    code(
        "ais.ticketing.service:move_coupons",
        ("COUPON_TRANSITIONS.require(status, target)", "pass"),
    ),
    trigger("coupons", "coupons_status"),
)
_QUOTE_BASIS = ("if quote.basis != basis_of(order, coupons.values(), moved):", "if False:")
_QUOTE_STATUS = (
    ("if quote.status is QuoteStatus.CONFIRMED:", "if False:"),
    ("if quote.status is QuoteStatus.SUPERSEDED:", "if False:"),
)
_ONCE_PER_CAUSE = (
    code(
        "ais.ledger.repository.postings:insert_postings",
        ("ON CONFLICT ON CONSTRAINT ledger_postings_one_per_cause DO NOTHING", ""),
    ),
    check("ledger_postings", "ledger_postings_one_per_cause"),
)
_LAST = """
    SELECT amount_minor FROM refunds WHERE order_id = $1 AND status = 'succeeded' ORDER BY updated_at DESC LIMIT 1
"""

GUARDS: tuple[Guard, ...] = (
    # Locks.
    Guard("order lock", "two writers of one order, each from what it read before the other", (_ORDER_LOCK,)),
    Guard(
        "payment lock",
        "two settlements of one payment at once, each the first",
        (_PAYMENT_LOCK,),
    ),
    Guard("refund lock", "two looks at one refund, each seeing it end", (_REFUND_LOCKS,)),
    Guard(
        "leg cabin lock of a claim",
        "a claim that counts seats which another transaction is giving back or selling",
        (
            body("claim_seats", _LOCKING),
            check("leg_cabins", "leg_cabins_totals"),
            check("leg_cabins", "leg_cabins_counts"),
        ),
        behind="CHECK leg_cabins_totals, leg_cabins_counts",
    ),
    Guard(
        "leg cabin lock of a hold",
        "a hold that is confirmed, released or given back beside another of the same cabin",
        (body("lock_leg_cabins", _LOCKING),),
    ),
    Guard(
        "departure lock",
        "two people closing one departure, or one closing it while a passenger cancels",
        (code("ais.orders.departure.repository:coupons_on_flight", ("ORDER BY id FOR UPDATE", "ORDER BY id")),),
    ),
    # Seats.
    Guard(
        "authorisation count",
        "more seats held and sold than are authorised",
        (
            body("claim_seats", ("IF v_seats > v_open THEN", "IF false THEN")),
            check("leg_cabins", "leg_cabins_within_authorisation"),
        ),
        behind="CHECK leg_cabins_within_authorisation",
    ),
    Guard(
        "end of a hold when it is confirmed",
        "seats sold by a hold that has ended, and were given to others",
        (body("confirm_hold", ("hold.status = 'expired' OR hold.expires_at <= v_now", "hold.status = 'expired'")),),
    ),
    Guard(
        "end of a hold when others claim",
        "seats taken from a hold that has not ended",
        (body("fold_expired_holds", ("AND expires_at <= p_now", "")),),
    ),
    Guard(
        "claim of a hold that has ended",
        "a paid order gets seats back that are no longer there",
        (body("confirm_hold", ("IF v_again.outcome <> 'accepted' THEN", "IF false THEN")),),
    ),
    Guard(
        "seats wait for money that may come",
        "seats are given back while a bank decides about the money for them",
        (code("ais.orders.service.expire:_end", ("if still_open:", "if False:")),),
    ),
    Guard(
        "seats go back once",
        "seats of a sale that is given up twice are on sale twice",
        (
            *_COUPON_MOVES,
            code("ais.orders.cancellation.service.confirm:_ready", *_QUOTE_STATUS, _QUOTE_BASIS),
            trigger("cancellation_quotes", "cancellation_quotes_status"),
            body("release_sold", ("IF NOT FOUND THEN", "IF false THEN")),
        ),
        behind="the quote's status and basis, the coupons' moves",
    ),
    # Repeats.
    Guard("key at our door", "one click that is repeated makes two orders", _DOOR),
    Guard(
        "key at the provider: payments",
        "a call that is repeated opens a second payment at the provider",
        (
            code(
                "ais.payments.adapters.stripe.gateway:StripeGateway.create",
                ('{"idempotency_key": key}', '{"idempotency_key": key + str(__import__("uuid").uuid4())}'),
            ),
            code(
                "ais.payments.adapters.stripe.gateway:StripeGateway._create_session",
                ('{"idempotency_key": key}', '{"idempotency_key": key + str(__import__("uuid").uuid4())}'),
            ),
        ),
    ),
    Guard(
        "key at the provider: refunds",
        "a call that is repeated sends money back twice",
        (
            code(
                "ais.payments.adapters.stripe.gateway:StripeGateway.refund",
                ('{"idempotency_key": key}', '{"idempotency_key": key + str(__import__("uuid").uuid4())}'),
            ),
        ),
    ),
    Guard(
        "event dedup",
        "an event that is delivered again is handled again",
        (
            code("ais.payments.repository.events:store_event", ("RETURNING deliveries = 1", "RETURNING true")),
            code(
                "ais.payments.service.receive:handle_event",
                ("if stored.state is not EventState.STORED:", "if False:"),
                ("if locked is None or locked.state is not EventState.STORED:", "if locked is None:"),
            ),
            trigger("provider_events", "provider_events_state"),
        ),
        behind="the state of the stored event, and its trigger",
    ),
    Guard(
        "handler dedup",
        "a reaction to an event runs again after its worker died",
        (
            code(
                "ais.platform.jobs.context:_mark_handled",
                (
                    "ON CONFLICT DO NOTHING RETURNING true",
                    "ON CONFLICT (event_id, handler) DO UPDATE SET handler = excluded.handler RETURNING true",
                ),
            ),
        ),
        unseen="every reaction is idempotent by itself: orders take the sum of their refunds, notices have a cause",
    ),
    Guard(
        "webhook signature",
        "anybody tells us that money came",
        (
            code(
                "ais.payments.adapters.stripe.gateway:StripeGateway.verify_event",
                ("raise SignatureInvalid", "return event_of(body)"),
            ),
        ),
    ),
    # Money in.
    Guard(
        "settle once",
        "a payment that is looked at again brings its money again",
        (
            code(
                "ais.payments.service.pay:settle_payment",
                ("if moves and not PAYMENT_TRANSITIONS.allows(payment.status, status):", "if False:"),
                ("if not moves and _is_known(payment, found):", "if False:"),
                ("newly_succeeded = moves and status", "newly_succeeded = status"),
            ),
        ),
    ),
    Guard(
        "moves of a payment",
        "stale news takes a payment back to where it was",
        (_PAYMENT_MOVES, trigger("payments", "payments_status"), check("payments", "payments_check1")),
        behind="trigger payments_status, CHECK payments_check1",
    ),
    Guard(
        "amount at settlement",
        "an order is ticketed for less than it costs",
        (
            code(
                "ais.orders.service.settle:_receive_money",
                ("if settlement.received.minor != due:", "if False:"),
            ),
        ),
    ),
    Guard(
        "currency at settlement",
        "units of another currency are counted as the order's",
        (
            code(
                "ais.payments.service.pay:settle_payment",
                (
                    "if status is PaymentStatus.SUCCEEDED and found.received.currency != payment.amount.currency:",
                    "if False:",
                ),
            ),
        ),
        unseen="nobody changes a currency in a storm: what the provider then holds is in no book until staff act",
    ),
    Guard(
        "second payment goes back",
        "a customer pays twice and nobody notices",
        (
            *_ONE_ATTEMPT,
            code("ais.orders.service.settle:_receive_money", ('await _send_back(uow, payment, "paid twice")', "pass")),
        ),
        behind="one open attempt",
    ),
    Guard(
        "one open attempt",
        "two attempts of one order are open at the provider at once",
        _ONE_ATTEMPT,
        behind="unique index payments_one_open_attempt",
    ),
    Guard(
        "closing at the provider",
        "somebody pays for an order that has ended",
        _ATTEMPT_CLOSED,
        behind="closing when the attempt is looked at again",
    ),
    Guard(
        "look before the end",
        "an order ends by its time limit though it was paid in time",
        (
            code(
                "ais.orders.service.expire:expire_order",
                ("await close_attempts(database, gateways, order_id, attempts, actor, correlation_id)", "pass"),
            ),
            code(
                "ais.orders.service.settle:settle_order_payment",
                ("if settlement.payment.is_open:", "if False:"),
            ),
        ),
        behind="closing when the attempt is looked at again",
    ),
    Guard(
        "flights at settlement",
        "a ticket for a flight that was cancelled before the money came",
        (
            code("ais.orders.service.settle:_receive_money", ("if off_schedule.cancelled:", "if False:")),
            code(
                "ais.orders.service.pay:_begin",
                ("if (await repository.segments_off_schedule(uow, order_id)).cancelled:", "if False:"),
            ),
        ),
        behind="the end of unpaid orders when their flight is cancelled",
        unseen="unpaid orders end with their flight, under their lock: later money meets an order that has ended",
    ),
    # Money out.
    Guard(
        "refund cap",
        "more goes back than came in",
        (
            *_REFUND_CAP,
            code(
                "ais.orders.cancellation.service.confirm:send_money_back",
                ("part = min(rest, left)", "part = rest"),
            ),
            code(
                "ais.orders.cancellation.service.quote:_of_ticketed",
                ("if refund > refundable:", "if False:"),
            ),
            code("ais.orders.cancellation.service.confirm:_ready", _QUOTE_BASIS, *_QUOTE_STATUS),
            trigger("cancellation_quotes", "cancellation_quotes_status"),
            *_COUPON_MOVES,
        ),
        behind="CHECK payments_check, the quote's status and basis, the coupons' moves",
    ),
    Guard(
        "moves of a refund",
        "a refund that has failed and is looked at again counts twice as not given back",
        (
            code(
                "ais.payments.service.refund:settle_refund",
                ("if moves and not REFUND_TRANSITIONS.allows(refund.status, found.status):", "if False:"),
                ("if not moves and refund.provider_refund_id == found.id:", "if False:"),
                ("if moves:", "if True:"),
            ),
            *_ONCE_PER_CAUSE,
        ),
        behind="one posting a cause",
    ),
    Guard(
        "sum of refunds under the lock",
        "of two refunds that end at once the order counts one",
        (
            code(
                "ais.orders.service.settle:apply_refund",
                (
                    "refunded_minor = await refunded_of_order(uow.connection, order_id)",
                    f"refunded_minor = order.refunded_minor + (await uow.connection.fetchval({_LAST!r}, order_id))",
                ),
            ),
        ),
    ),
    Guard(
        "quote status",
        "a quote that another one has replaced, or that was confirmed, is confirmed",
        (
            code("ais.orders.cancellation.service.confirm:_ready", *_QUOTE_STATUS, _QUOTE_BASIS),
            trigger("cancellation_quotes", "cancellation_quotes_status"),
            *_COUPON_MOVES,
        ),
        behind="the quote's basis, trigger cancellation_quotes_status, the coupons' moves",
    ),
    Guard(
        "one open quote",
        "two quotes of one order can be confirmed one after the other",
        (code("ais.orders.cancellation.repository:insert_quote", ("AND status = 'open'", "AND false")),),
    ),
    Guard(
        "moves of a coupon",
        "a coupon that was given back is given back again",
        (*_COUPON_MOVES,),
        behind="trigger coupons_status",
        unseen="whoever moves coupons holds the order's lock and has looked at quote or order under it",
    ),
    Guard(
        "infants follow their adult",
        "an infant keeps a ticket on the lap of nobody",
        (
            code(
                "ais.orders.cancellation.domain:_people",
                ("if each.accompanying_id in asked}", "if False}"),
            ),
            code(
                "ais.orders.cancellation.domain:_require_adults",
                ('if "adult" in leaving and staying', "if False and staying"),
            ),
        ),
        behind="no child stays without an adult",
    ),
    # Books.
    Guard(
        "one posting a cause",
        "a payment is booked twice",
        (
            *_ONCE_PER_CAUSE,
            code(
                "ais.payments.service.pay:settle_payment",
                ("    if newly_succeeded:", "    if status is PaymentStatus.SUCCEEDED:"),
                ("if not moves and _is_known(payment, found):", "if False:"),
            ),
        ),
        behind="settle once",
    ),
    Guard(
        "balance of a posting",
        "money that is nowhere",
        (
            code(
                "ais.ledger.domain:Posting.written",
                ("if unbalanced:", "if False:"),
                # What such a guard is for: a caller who forgets something.
                ("if entry.amount_minor)", "if entry.amount_minor and entry.account != Account.TAX_PAYABLE)"),
            ),
            trigger("ledger_entries", "ledger_entries_balance"),
        ),
        behind="trigger ledger_entries_balance; and a caller who forgets the taxes",
    ),
    Guard(
        "horizon of the chain",
        "a posting that commits late is left out of the chain",
        (
            code(
                "ais.platform.chain.statements:lock_chain",
                ("pg_snapshot_xmin(at)::text,", "pg_snapshot_xmax(at)::text,"),
            ),
        ),
    ),
    Guard(
        "departure closed once",
        "a flight that is closed again is earned again",
        (
            code("ais.orders.departure.domain:by_steps", ("if coupon.status is not target:", "if True:")),
            *_ONCE_PER_CAUSE,
        ),
        behind="one posting a cause",
    ),
    # Disputes and jobs.
    Guard(
        "refunds frozen while disputed",
        "money is given back while a bank has taken it and decides about it",
        (
            code("ais.payments.service.refund:require_undisputed", ("if is_open:", "if False:")),
            code(
                "ais.orders.cancellation.service.quote:require_not_disputed",
                ("if order.payment_status is OrderPaymentStatus.DISPUTED:", "if False:"),
            ),
        ),
        behind="the look at the order's own state",
    ),
    Guard(
        "coupons of a disputed order",
        "people fly on money that a bank has taken",
        (
            code(
                "ais.orders.service.disputed:suspend_by",
                ("if against_us and payment_status is not OrderPaymentStatus.PAID:", "if False:"),
            ),
        ),
    ),
    Guard(
        "job dedupe key",
        "one thing is asked for twice, and two workers do it at once",
        (code("ais.platform.outbox:job_columns", ("[job.dedupe_key for job in wanted],", "[None for _ in wanted],")),),
        unseen="every job looks again under the lock of its row, so that a twin finds it done",
    ),
    # The audit trail and second persons.
    Guard(
        "audit entry of an order's move",
        "an order changes, and nobody can find out by whom",
        (code("ais.orders.service.states:OrderChange.write", ("await record(uow, self._entry())", "pass")),),
    ),
    Guard(
        "audit entry of money that comes",
        "money comes in, and the audit trail does not say so",
        (code("ais.payments.service.pay:settle_payment", ("await record(uow, _moved(payment, settled))", "pass")),),
    ),
    Guard(
        "audit entry of money that goes back",
        "money goes back, and the audit trail does not say so",
        (
            code(
                "ais.payments.service.refund:settle_refund",
                (
                    'await record(uow, refund_entry(f"refund.{found.status}", refund, before=before, after=after))',
                    "pass",
                ),
            ),
        ),
    ),
    Guard(
        "refund limit of one person",
        "one person of staff gives back any sum",
        (
            code(
                "ais.orders.cancellation.service.second_person:is_above_limit",
                ("return limits.is_above(refund + Money(before, refund.currency))", "return False"),
            ),
        ),
    ),
    Guard(
        "second person",
        "somebody signs what they have asked for",
        (
            code(
                "ais.accounts.rights.approvals:require_second_person",
                ("if approval.requested_by == actor.name or not", "if not"),
            ),
            check("approvals", "approvals_second_person"),
        ),
        behind="CHECK approvals_second_person",
    ),
    Guard(
        "one mail a cause",
        "a person is told twice of one thing",
        (
            code(
                "ais.notifications.repository:insert_notice",
                ("ON CONFLICT (kind, cause) DO NOTHING RETURNING id", "RETURNING id"),
            ),
            check("notices", "notices_kind_cause_key"),
        ),
        behind="unique constraint notices_kind_cause_key",
    ),
    # Our own money.
    Guard(
        "twin of a refused click",
        "money that a twin of a refused click took is lost: its attempt is closed, and nobody looks for it",
        (
            code(
                "ais.payments.service.pay:close_uncalled_payment",
                ("if not await has_taken(uow.connection, payment):", "if True:"),
            ),
        ),
    ),
    Guard(
        "money for an open attempt",
        "money is taken for an attempt that has ended",
        (code("ais.payments.service.own:lock_attempt", ("and payment.is_open", "")),),
    ),
    Guard(
        "credit limit of an agency",
        "an agency spends more than its deposit and its credit",
        (
            code(
                "ais.payments.service.agency:AgencyGateway.create",
                ("if agency.available < opening.amount:", "if False:"),
            ),
            check("agencies", "agencies_within_credit"),
        ),
        behind="CHECK agencies_within_credit",
    ),
    Guard(
        "agency lock",
        "two agents spend the same deposit",
        (
            code("ais.payments.repository.agencies:lock_agency", _FOR_UPDATE),
            check("agencies", "agencies_within_credit"),
        ),
        behind="CHECK agencies_within_credit",
    ),
    Guard(
        "what is left of a travel credit",
        "a credit buys more than it holds",
        (
            code(
                "ais.payments.service.credit:CreditGateway.create", ("if credit.balance < opening.amount:", "if False:")
            ),
            check("travel_credits", "travel_credits_check"),
            check("travel_credit_movements", "travel_credit_movements_balance_minor_check"),
        ),
        behind="two CHECKs of its balance",
    ),
    Guard(
        "cash paid out once",
        "two clerks hand out one refund",
        (
            _REFUND_LOCKS,
            check("cash_receipts", "cash_receipts_kind_cause_id_key"),
        ),
        behind="unique constraint cash_receipts_kind_cause_id_key",
    ),
)


def guard(name: str) -> Guard:
    """The guard of this name; raises LookupError."""
    for each in GUARDS:
        if each.name == name:
            return each
    raise LookupError(f"there is no guard {name!r}")
