"""Writing offers as JSON text. What many offers of a search share is written once and copied.

An answer of fifty offers is 130 kB of which a few kB are new with each search; joining text that is ready costs a
tenth of building and encoding a Struct for every part. The shapes are those of :mod:`ais.offers.schemas`, and tests
hold every field written here against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from ais.fares import Baggage, Conditions, LineKind, PassengerPrice, Permission
from ais.kit import CURRENCIES, Money


def write_answer(offers: Iterable[str]) -> bytes:
    """The body of a search's answer."""
    return f'{{"offers":[{",".join(offers)}]}}'.encode()


@lru_cache(maxsize=4096)
def write_text(text: str) -> str:
    """A JSON string."""
    return msgspec.json.encode(text).decode()


def write_instant(at: datetime) -> str:
    """An instant, or a time with the offset of its zone, to the second."""
    text = at.isoformat(timespec="seconds")
    return f'"{text[:-6]}Z"' if text.endswith("+00:00") else f'"{text}"'


@lru_cache(maxsize=16384)
def _sum(minor: int, currency: str) -> str:
    return f'{{"amount":"{Money(minor, currency).amount}","currency":"{currency}"}}'


def write_money(money: Money) -> str:
    """A sum. Taxes and fares come back in offer after offer, so that most are remembered."""
    assert money.currency in CURRENCIES, "an unknown currency cannot be written"
    return _sum(money.minor, money.currency)


def write_offer(
    *,
    offer_id: str,
    expires_at: str,
    validating_carrier: str,
    brand: str,
    slices: Sequence[str],
    passengers: str,
    total: Money,
    payment_requirements: str,
) -> str:
    """One offer; its end, slices, passengers and payment requirements are written already."""
    return (
        f'{{"id":"{offer_id}","expires_at":{expires_at},'
        f'"validating_carrier":"{validating_carrier}","fare_brand":{write_text(brand)},'
        f'"slices":[{",".join(slices)}],"passengers":{passengers},"total":{write_money(total)},'
        f'"payment_requirements":{payment_requirements}}}'
    )


def write_slice(
    *, origin: str, destination: str, duration_minutes: int, conditions: str, segments: Sequence[str]
) -> str:
    """One slice of segments and conditions that are written already."""
    return (
        f'{{"origin":"{origin}","destination":"{destination}","duration_minutes":{duration_minutes},'
        f'"conditions":{conditions},"segments":[{",".join(segments)}]}}'
    )


def write_segment(flight: str, *, cabin: str, rbd: str, fare_basis: str, seats_left: int) -> str:
    """One segment: ``flight`` is what :func:`write_flight` wrote, which does not depend on the sale."""
    return f'{flight},"cabin":"{cabin}","booking_class":"{rbd}","fare_basis":"{fare_basis}","seats_left":{seats_left}}}'


def write_flight(
    *,
    marketing_carrier: str,
    flight_number: str,
    operating_carrier: str,
    operating_flight_number: str,
    origin: str,
    destination: str,
    departs_at: datetime,
    departure_timezone: str,
    arrives_at: datetime,
    arrival_timezone: str,
    duration_minutes: int,
    aircraft: str,
) -> str:
    """The beginning of a segment's object, for :func:`write_segment` to finish. Times are local to the airports."""
    return (
        f'{{"marketing_carrier":"{marketing_carrier}","flight_number":"{flight_number}",'
        f'"operating_carrier":"{operating_carrier}","operating_flight_number":"{operating_flight_number}",'
        f'"origin":"{origin}","destination":"{destination}",'
        f'"departs_at":{write_instant(departs_at)},"departure_timezone":"{departure_timezone}",'
        f'"arrives_at":{write_instant(arrives_at)},"arrival_timezone":"{arrival_timezone}",'
        f'"duration_minutes":{duration_minutes},"aircraft":{write_text(aircraft)}'
    )


def write_passengers(passengers: Iterable[tuple[str, str]]) -> str:
    """The passengers of an offer, each given as id and what :func:`write_passenger_sums` wrote."""
    written = [f'{{"id":"{reference}",{sums}' for reference, sums in passengers]
    return f"[{','.join(written)}]"


def write_passenger_sums(price: PassengerPrice, *, in_arabic: bool) -> str:
    """What a passenger pays: all of the passenger's object but its id."""
    currency = price.total.currency
    amounts: dict[str, int] = {}
    names: dict[str, str] = {}
    for charge in price.charges:
        if charge.kind is LineKind.TAX:
            code = charge.code
            amounts[code] = amounts.get(code, 0) + charge.amount.minor
            names[code] = charge.name_ar if in_arabic else charge.name_en
    taxes = [
        f'{{"code":"{code}","name":{write_text(names[code])},"amount":{_sum(minor, currency)}}}'
        for code, minor in amounts.items()
    ]
    return (
        f'"type":"{price.type.value}","base_fare":{write_money(price.base_fare)},"taxes":[{",".join(taxes)}],'
        f'"carrier_charges":{write_money(price.carrier_charges)},"total":{write_money(price.total)}}}'
    )


def write_payment_requirements(hold_minutes: float) -> str:
    """How long an order made of the offer holds its seats; whole minutes are written without a fraction."""
    return f'{{"hold_minutes":{hold_minutes:g},"pay_by":null}}'


def write_conditions(conditions: Conditions) -> str:
    """What the fares allow after the sale."""
    return (
        f'{{"refund":{_permission(conditions.refund)},"change":{_permission(conditions.change)},'
        f'"no_show":{_permission(conditions.no_show)},"baggage":{_baggage(conditions.baggage)}}}'
    )


def _permission(permission: Permission) -> str:
    tiers = [
        f'{{"until_hours_before":{tier.until_hours_before},"penalty":{write_money(tier.penalty)}}}'
        for tier in permission.tiers
    ]
    return f'{{"allowed":{"true" if permission.allowed else "false"},"tiers":[{",".join(tiers)}]}}'


def _baggage(baggage: Baggage) -> str:
    carry_on = "null" if baggage.carry_on is None else _bag(baggage.carry_on.pieces, baggage.carry_on.weight_kg)
    checked = [_bag(bag.pieces, bag.weight_kg) for bag in baggage.checked]
    return f'{{"carry_on":{carry_on},"checked":[{",".join(checked)}]}}'


def _bag(pieces: int, weight_kg: int) -> str:
    return f'{{"pieces":{pieces},"weight_kg":{weight_kg}}}'
