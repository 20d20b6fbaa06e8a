"""Cancellation quotes: their states, their lines, and what a request gives up. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from ais.kit import InvalidStateTransition, Money, Transitions, ValidationFailed
from ais.kit.ids import CancellationQuoteId, DocumentId, OrderId, OrderSegmentId, PassengerId
from ais.orders.domain import Order
from ais.orders.errors import NothingToGiveUp
from ais.ticketing import CouponStatus, Document, DocumentStatus


class QuoteStatus(StrEnum):
    """``open`` until it is confirmed, a newer one takes its place, or its time ends."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


QUOTE_TRANSITIONS: Transitions[QuoteStatus] = Transitions(
    "cancellation_quote.status",
    {
        QuoteStatus.OPEN: (QuoteStatus.CONFIRMED, QuoteStatus.SUPERSEDED, QuoteStatus.EXPIRED),
        QuoteStatus.CONFIRMED: (),
        QuoteStatus.SUPERSEDED: (),
        QuoteStatus.EXPIRED: (),
    },
)


class QuoteKind(StrEnum):
    """By whose doing: the customer's by the fare's rules, the airline's, or before there were documents."""

    VOLUNTARY = "voluntary"
    INVOLUNTARY = "involuntary"
    UNTICKETED = "unticketed"


class RefundTo(StrEnum):
    """Where the money goes."""

    ORIGINAL_PAYMENT = "original_payment"
    TRAVEL_CREDIT = "travel_credit"


class Rule(StrEnum):
    """Why a line is kept or comes back; ``wording`` has the sentences."""

    PENALTY_PERCENT = "penalty_percent"
    PENALTY_AMOUNT = "penalty_amount"
    NO_PENALTY = "no_penalty"
    NOT_REFUNDABLE = "not_refundable"
    CHARGE_REFUNDABLE = "charge_refundable"
    CHARGE_NOT_REFUNDABLE = "charge_not_refundable"
    INVOLUNTARY = "involuntary"
    WAIVED = "waived"


class Along(StrEnum):
    """Why something is given up that was not named."""

    ADULT = "adult"  # an infant on a lap goes with its adult
    SLICE = "slice"  # flights of one slice go together


class CouponHeld(msgspec.Struct, frozen=True):
    """A coupon of the order with its passenger."""

    document_id: DocumentId
    number: int
    passenger_id: PassengerId
    segment_id: OrderSegmentId
    status: CouponStatus
    value: Money


Place = tuple[PassengerId, OrderSegmentId]
"""One passenger on one segment."""

GIVEABLE = frozenset({CouponStatus.OPEN, CouponStatus.SUSPENDED, CouponStatus.NO_SHOW})
GONE = frozenset({CouponStatus.VOID, CouponStatus.EXCHANGED, CouponStatus.REFUNDED})
FLOWN = frozenset({CouponStatus.FLOWN, CouponStatus.LIFTED})
DONE = frozenset({CouponStatus.FLOWN, CouponStatus.NO_SHOW})


def coupons_held(documents: Sequence[Document]) -> dict[Place, CouponHeld]:
    """The coupons of an order by passenger and segment; of several the one that is not gone."""
    held: dict[Place, CouponHeld] = {}
    for document in documents:
        passenger_id = PassengerId(document.passenger_id)
        for coupon in document.coupons:
            segment_id = OrderSegmentId(coupon.segment_id)
            place = (passenger_id, segment_id)
            if place in held and coupon.status in GONE:
                continue
            held[place] = CouponHeld(document.id, coupon.number, passenger_id, segment_id, coupon.status, coupon.value)
    return held


class GivenUp(msgspec.Struct, frozen=True):
    """The places that are given up, in order of travel, and why those that were not named."""

    places: tuple[Place, ...]
    along: Mapping[Place, Along]


def what_is_given_up(
    order: Order,
    coupons: Mapping[Place, CouponHeld],
    passenger_ids: Sequence[PassengerId] | None,
    segment_ids: Sequence[OrderSegmentId] | None,
) -> GivenUp:
    """The places that a request gives up; None means everybody, or every flight.

    An infant on a lap goes with its adult, and the unflown flights of one slice go together. What is flown or was given
    back before is left out. Raises ValidationFailed for who is not of the order and for a child who would stay without
    an adult, :class:`NothingToGiveUp`, and InvalidStateTransition for a coupon that is in use.
    """
    people, joined = _people(order, passenger_ids)
    segments, added = _segments(order, segment_ids)
    places: list[Place] = []
    along: dict[Place, Along] = {}
    for segment_id in segments:
        for passenger_id in people:
            place = (passenger_id, segment_id)
            coupon = coupons.get(place)
            if coupon is None or coupon.status in GONE or coupon.status in FLOWN:
                continue
            if coupon.status not in GIVEABLE:
                raise InvalidStateTransition("coupon", coupon.status, CouponStatus.REFUNDED)
            places.append(place)
            if passenger_id in joined:
                along[place] = Along.ADULT
            elif segment_id in added:
                along[place] = Along.SLICE
    if not places:
        raise NothingToGiveUp
    _require_adults(order, coupons, set(places))
    return GivenUp(tuple(places), along)


def _people(order: Order, named: Sequence[PassengerId] | None) -> tuple[list[PassengerId], set[PassengerId]]:
    """The passengers that are given up, in their order, and those of them that were not named."""
    everybody = [passenger.id for passenger in order.passengers]
    if named is None:
        return everybody, set()
    _require_known("passenger_ids", named, everybody)
    asked = set(named)
    joined = {each.id for each in order.passengers if each.accompanying_id in asked} - asked
    return [passenger_id for passenger_id in everybody if passenger_id in asked | joined], joined


def _segments(order: Order, named: Sequence[OrderSegmentId] | None) -> tuple[list[OrderSegmentId], set[OrderSegmentId]]:
    """The segments that are given up, in order of travel, and those of them that were not named."""
    all_of_them = [segment.id for segment in order.segments]
    if named is None:
        return all_of_them, set()
    _require_known("segment_ids", named, all_of_them)
    asked = set(named)
    slices = {segment.slice_position for segment in order.segments if segment.id in asked}
    together = [segment.id for segment in order.segments if segment.slice_position in slices]
    return together, set(together) - asked


def _require_known(field: str, named: Sequence[Any], known: Sequence[Any]) -> None:
    if not named:
        raise ValidationFailed([(field, "names nothing")])
    wrong = [(f"{field}[{number}]", "is not of this order") for number, each in enumerate(named) if each not in known]
    if wrong:
        raise ValidationFailed(wrong)


def _require_adults(order: Order, coupons: Mapping[Place, CouponHeld], given_up: set[Place]) -> None:
    """No child and no infant stays on a flight that the last adult leaves."""
    kinds = {passenger.id: passenger.type for passenger in order.passengers}
    for segment in order.segments:
        staying = [
            kinds[passenger_id]
            for (passenger_id, segment_id), coupon in coupons.items()
            if segment_id == segment.id
            and (passenger_id, segment_id) not in given_up
            and coupon.status not in GONE | DONE
        ]
        leaving = {kinds[passenger_id] for passenger_id, segment_id in given_up if segment_id == segment.id}
        if "adult" in leaving and staying and "adult" not in staying:
            raise ValidationFailed([("passenger_ids", "no child stays on a flight without an adult")])


def documents_to_void(
    order: Order, documents: Sequence[Document], passenger_ids: Sequence[PassengerId] | None
) -> list[Document]:
    """The documents that are undone for these passengers, None for everybody: all that they have, and those of an
    infant on a lap with its adult's. What is void already is left out.

    Raises ValidationFailed for who is not of the order and for a child who would stay without an adult,
    InvalidStateTransition if a coupon is not open, and if nothing is left to be undone.
    """
    people, _ = _people(order, passenger_ids)
    undone = [each for each in documents if each.passenger_id in people and each.status is not DocumentStatus.VOID]
    if not undone:
        raise InvalidStateTransition("document", DocumentStatus.VOID, DocumentStatus.VOID)
    for coupon in (coupon for document in undone for coupon in document.coupons):
        if coupon.status is not CouponStatus.OPEN:
            raise InvalidStateTransition("coupon", coupon.status, CouponStatus.VOID)
    _require_adults(order, coupons_held(documents), set(coupons_held(undone)))
    return undone


class QuoteLine(msgspec.Struct, frozen=True):
    """One price line that is given up: ``paid`` = ``kept`` + ``refunded``, in minor units of the quote's currency.

    Of what is kept ``penalty_minor`` is the fare's charge for cancelling and ``shortfall_minor`` what the flown part
    of the ticket would have cost more by itself; ``taken_minor`` would come back, but a bank has taken as much of the
    order's money in a dispute that was lost; the rest is not refundable.
    """

    position: int
    price_line_position: int
    passenger_id: PassengerId
    order_segment_id: OrderSegmentId
    kind: str
    code: str
    paid_minor: int
    kept_minor: int
    penalty_minor: int
    shortfall_minor: int
    refunded_minor: int
    rule: Rule
    details: dict[str, Any] = {}
    taken_minor: int = 0


class Quote(msgspec.Struct, frozen=True):
    """What would come back, promised until ``expires_at`` while the order stays as its ``basis`` says.

    ``waived_minor`` is what the fare's rules would have kept as penalty and staff want to give back all the same.
    """

    id: CancellationQuoteId
    order_id: OrderId
    status: QuoteStatus
    kind: QuoteKind
    refund_to: RefundTo
    currency: str
    penalty_minor: int
    non_refundable_minor: int
    refund_minor: int
    basis: str
    created_at: datetime
    expires_at: datetime
    lines: tuple[QuoteLine, ...]
    waived_minor: int = 0
    waiver_reason: str | None = None

    @property
    def refund(self) -> Money:
        return Money(self.refund_minor, self.currency)

    @property
    def taken(self) -> Money:
        """What would come back if a bank had not taken it already."""
        return Money(sum(line.taken_minor for line in self.lines), self.currency)

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that are given up, each once."""
        return tuple(dict.fromkeys((line.passenger_id, line.order_segment_id) for line in self.lines))


class RetimeRule(msgspec.Struct, frozen=True):
    """From how many minutes on a flight that the airline moves is its doing: ``above`` holds, by the day from which on
    it does, so many minutes, the first one from ever on. A sale keeps the rule of its day.

    More than 120 minutes, the default, is when a passenger may end the contract and have the whole ticket back by the
    passenger rights of Saudi Arabia (GACA, in force since 20 November 2023).
    """

    above: tuple[tuple[date, int], ...] = ((date.min, 120),)

    def on(self, day: date) -> int:
        """The minutes of the rule that holds for what was sold on that day."""
        return max(each for each in self.above if each[0] <= day)[1]


def basis_of(order: Order, coupons: Iterable[CouponHeld], moved: Mapping[OrderSegmentId, int]) -> str:
    """A digest of what a quote rests on: where the order, its segments, its coupons and its flights stand. ``moved`` is
    by how many minutes flights are off the times that were sold.
    """
    facts = [
        str(order.status),
        *sorted(f"{segment.id} {segment.status_code}" for segment in order.segments),
        *sorted(f"{coupon.document_id} {coupon.number} {coupon.status}" for coupon in coupons),
        *sorted(f"{segment_id} moved {minutes}" for segment_id, minutes in moved.items()),
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def unflown_segments(coupons: Mapping[Place, CouponHeld]) -> set[OrderSegmentId]:
    """The segments that somebody still holds a coupon for."""
    unflown = {CouponStatus.OPEN, CouponStatus.SUSPENDED}
    return {segment_id for (_, segment_id), coupon in coupons.items() if coupon.status in unflown}


def airline_cancelled(order: Order, coupons: Mapping[Place, CouponHeld]) -> bool:
    """Whether the airline has cancelled (UN) a flight that somebody still holds a coupon for."""
    unflown = unflown_segments(coupons)
    return any(segment.id in unflown and segment.status_code == "UN" for segment in order.segments)


def most_moved(coupons: Mapping[Place, CouponHeld], moved: Mapping[OrderSegmentId, int]) -> int:
    """By how many minutes a flight that somebody still holds a coupon for was moved, the most of them."""
    return max((moved.get(segment_id, 0) for segment_id in unflown_segments(coupons)), default=0)
