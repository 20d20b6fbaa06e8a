"""The guards: what each keeps from happening, where it stands, and how it is taken away.

Many stand behind another one (a CHECK behind a count, a trigger behind a table of moves): with one of the two away
nothing can happen. Those say so in ``behind``, and are taken away together. ``unseen`` says why no storm can find that
a guard is gone.
"""

from __future__ import annotations

from tests.simulation.mutants.books import BOOKS
from tests.simulation.mutants.guard import (
    ATTEMPT_CLOSED,
    COUPON_MOVES,
    DOOR,
    LAST,
    LOCKING,
    ONCE_PER_CAUSE,
    ONE_ATTEMPT,
    ORDER_LOCK,
    PAYMENT_LOCK,
    PAYMENT_MOVES,
    QUOTE_BASIS,
    QUOTE_STATUS,
    REFUND_CAP,
    REFUND_LOCKS,
    Guard,
)
from tests.simulation.mutants.removal import body, check, code, trigger

GUARDS: tuple[Guard, ...] = (
    # Locks.
    Guard("order lock", "two writers of one order, each from what it read before the other", (ORDER_LOCK,)),
    Guard(
        "payment lock",
        "two settlements of one payment at once, each the first",
        (PAYMENT_LOCK,),
    ),
    Guard("refund lock", "two looks at one refund, each seeing it end", (REFUND_LOCKS,)),
    Guard(
        "leg cabin lock of a claim",
        "a claim that counts seats which another transaction is giving back or selling",
        (
            body("claim_seats", LOCKING),
            check("leg_cabins", "leg_cabins_totals"),
            check("leg_cabins", "leg_cabins_counts"),
        ),
        behind="CHECK leg_cabins_totals, leg_cabins_counts",
    ),
    Guard(
        "leg cabin lock of a hold",
        "a hold that is confirmed, released or given back beside another of the same cabin",
        (body("lock_leg_cabins", LOCKING),),
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
            *COUPON_MOVES,
            code("ais.orders.cancellation.service.confirm:_ready", *QUOTE_STATUS, QUOTE_BASIS),
            trigger("cancellation_quotes", "cancellation_quotes_status"),
            body("release_sold", ("IF NOT FOUND THEN", "IF false THEN")),
        ),
        behind="the quote's status and basis, the coupons' moves",
    ),
    # Repeats.
    Guard("key at our door", "one click that is repeated makes two orders", DOOR),
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
        (PAYMENT_MOVES, trigger("payments", "payments_status"), check("payments", "payments_check1")),
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
                "ais.orders.service.settle:_follow_payment",
                ("if settlement.newly_succeeded and not settlement.payment.is_counted:", "if False:"),
            ),
            code(
                "ais.orders.service.states:OrderChange.receive",
                ("(Money(self.paid_minor, self.order.currency) + money).minor", "self.paid_minor + money.minor"),
            ),
        ),
        behind="the sum of what came, which is of one currency",
    ),
    Guard(
        "second payment goes back",
        "a customer pays twice and nobody notices",
        (
            *ONE_ATTEMPT,
            code("ais.orders.service.settle:_receive_money", ('await _send_back(uow, payment, "paid twice")', "pass")),
        ),
        behind="one open attempt",
    ),
    Guard(
        "one open attempt",
        "two attempts of one order are open at the provider at once",
        ONE_ATTEMPT,
        behind="unique index payments_one_open_attempt",
    ),
    Guard(
        "closing at the provider",
        "somebody pays for an order that has ended",
        ATTEMPT_CLOSED,
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
            *REFUND_CAP,
            code(
                "ais.orders.cancellation.service.confirm:send_money_back",
                ("part = min(rest, left)", "part = rest"),
            ),
            code(
                "ais.orders.cancellation.service.quote:_of_ticketed",
                ("if refund > refundable:", "if False:"),
            ),
            code("ais.orders.cancellation.service.confirm:_ready", QUOTE_BASIS, *QUOTE_STATUS),
            trigger("cancellation_quotes", "cancellation_quotes_status"),
            *COUPON_MOVES,
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
            *ONCE_PER_CAUSE,
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
                    f"refunded_minor = order.refunded_minor + (await uow.connection.fetchval({LAST!r}, order_id))",
                ),
            ),
        ),
    ),
    Guard(
        "quote status",
        "a quote that another one has replaced, or that was confirmed, is confirmed",
        (
            code("ais.orders.cancellation.service.confirm:_ready", *QUOTE_STATUS, QUOTE_BASIS),
            trigger("cancellation_quotes", "cancellation_quotes_status"),
            *COUPON_MOVES,
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
        (*COUPON_MOVES,),
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
    *BOOKS,
)


def guard(name: str) -> Guard:
    """The guard of this name; raises LookupError."""
    for each in GUARDS:
        if each.name == name:
            return each
    raise LookupError(f"there is no guard {name!r}")
