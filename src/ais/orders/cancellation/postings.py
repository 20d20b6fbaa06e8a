"""What giving back does to the books. Channel and seller are those of the sale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ais.fares import UNKNOWN_AUTHORITY
from ais.kit import Money
from ais.kit.ids import DocumentId
from ais.ledger import UNFLOWN, Account, Entry, Posting, credit, debit
from ais.orders.cancellation.domain import CouponHeld, Place, Quote, QuoteLine
from ais.orders.domain import Order

# Where the value of a coupon may lie: unflown, or kept already because nobody came.
COUPON_VALUE = frozenset({*UNFLOWN, Account.BREAKAGE, Account.DEFERRED_BREAKAGE})
_VALUE = frozenset({"fare", "carrier_charge"})


def kept_by_coupon(quote: Quote) -> dict[Place, Money]:
    """What the airline keeps of the value of each coupon that is given up, the shortfall of what was flown and what a
    bank has taken already apart.
    """
    kept: dict[Place, Money] = {}
    for line in quote.lines:
        if line.kind in _VALUE:
            place = (line.passenger_id, line.order_segment_id)
            so_far = kept.get(place, Money(0, quote.currency))
            kept[place] = so_far + Money(line.kept_minor - line.shortfall_minor - line.taken_minor, quote.currency)
    return kept


def cancelled(
    order: Order,
    quote: Quote,
    coupons: Mapping[Place, CouponHeld],
    held: Sequence[Entry],
    earned: Sequence[Entry],
) -> Posting:
    """Coupons are given up: their value and the taxes that come back are owed to the customer, the rest is kept. What
    the customer has from the bank already makes the chargeback smaller instead.

    ``held`` is what the books hold of the coupons, ``earned`` the credits of :func:`kept_by_coupon`, by the rule of the
    day. A tax that does not come back stays payable to its authority.
    """
    given_up = {(coupons[place].document_id, coupons[place].number) for place in quote.places}
    entries = [
        entry.reversed()
        for entry in held
        if (entry.document_id, entry.coupon_number) in given_up and entry.account in COUPON_VALUE
    ]
    authorities = {line.position: line.authority for line in order.lines}
    for line in quote.lines:
        coupon = coupons[line.passenger_id, line.order_segment_id]
        entries.extend(_charge_back(line, coupon, authorities.get(line.price_line_position), quote.currency))
    shortfall = Money(sum(line.shortfall_minor for line in quote.lines), quote.currency)
    entries += [
        credit(Account.REFUNDS_PAYABLE, quote.refund),
        credit(Account.CHARGEBACKS, quote.taken),
        *earned,
        credit(Account.FLOWN_REVENUE, shortfall),
    ]
    return Posting(
        kind="cancelled",
        cause_type="quote",
        cause_id=str(quote.id),
        order_id=order.id,
        channel=order.channel,
        seller_id=order.seller_id,
        entries=tuple(entries),
    )


def voided(order: Order, document_id: DocumentId, held: Sequence[Entry]) -> Posting:
    """A document is undone: all that it was issued with is owed to the customer again."""
    entries = [entry.reversed() for entry in held if entry.document_id == document_id]
    owed = Money(sum(entry.amount_minor for entry in entries), order.currency)
    return Posting(
        kind="voided",
        cause_type="document",
        cause_id=str(document_id),
        order_id=order.id,
        channel=order.channel,
        seller_id=order.seller_id,
        entries=(*entries, credit(Account.REFUNDS_PAYABLE, owed)),
    )


def _charge_back(line: QuoteLine, coupon: CouponHeld, authority: str | None, currency: str) -> Iterable[Entry]:
    """What comes back of a tax, or of what a total was rounded by."""
    money = Money(line.refunded_minor + line.taken_minor, currency)
    if line.kind == "tax":
        yield debit(
            Account.TAX_PAYABLE,
            money,
            authority=authority or UNKNOWN_AUTHORITY,
            code=line.code,
            document_id=coupon.document_id,
            coupon_number=coupon.number,
        )
    elif line.kind == "rounding":
        yield debit(Account.ROUNDING, money, document_id=coupon.document_id, coupon_number=coupon.number)
