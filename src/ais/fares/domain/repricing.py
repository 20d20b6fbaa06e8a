"""Pricing an offer again when it is accepted: the same versions, or what of them no longer holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import combinations

import msgspec

from ais.fares.domain.book import FareBook
from ais.fares.domain.combination import Pick
from ais.fares.domain.fare import FareVersion, may_combine
from ais.fares.domain.itinerary import (
    ChangeKind,
    PriceChange,
    PriceDifference,
    PricedItinerary,
    PricingPassenger,
)
from ais.fares.domain.layout import Layout, Part, Party, Slices
from ais.fares.domain.pricing import assemble
from ais.fares.domain.rules import advance_reason, date_reason, is_filed_for, sale_reason, stay_reason
from ais.fares.domain.sale import Candidate, Sale
from ais.kit import Money


class ChosenFare(msgspec.Struct, frozen=True):
    """The fare version that an offer names for segments ``first_segment`` to ``last_segment`` of a slice."""

    slice_index: int
    first_segment: int
    last_segment: int
    fare_version_id: int


def reprice(
    book: FareBook,
    slices: Slices,
    passengers: Sequence[PricingPassenger],
    *,
    cabin: str,
    brand: str,
    fares: Sequence[ChosenFare],
    promised_total: Money,
    as_of: datetime,
    now: datetime,
    point_of_sale: str,
    tax_version_ids: Collection[int] = (),
) -> PricedItinerary | PriceChange:
    """What an offer made at ``as_of`` costs: the priced itinerary at exactly ``promised_total``, or what was withdrawn
    or changed since.

    ``fares`` cover every segment once (else ValueError) and stand in the offer, as may the ``tax_version_ids``.
    Versions that ended by date or by a newer version after the offer was made still hold; withdrawn ones do not. Open
    seats are not looked at: they are for the claim of seats to decide.
    """
    _require_cover(slices, fares)
    party = Party(passengers)
    sale = book.sale(as_of, point_of_sale)
    layout = Layout(sale, slices, party, cabin, as_of)
    differences: list[PriceDifference] = []
    picks: list[Pick] = []
    for chosen in fares:
        part = layout.part(chosen.slice_index, chosen.first_segment, chosen.last_segment)
        fare = book.fares.get(chosen.fare_version_id)
        difference = _fare_difference(fare, chosen, part, layout, sale, cabin=cabin, brand=brand, as_of=as_of)
        if difference is not None:
            differences.append(difference)
        elif fare is not None:
            picks.append((part, Candidate(fare, sale.in_sale_currency(fare.amount).minor)))
    if differences:
        return PriceChange(tuple(differences), promised_total, None)
    for (_, one), (_, other) in combinations(picks, 2):
        if not may_combine(one.fare, other.fare):
            sentence = f"{one.fare.fare_basis} and {other.fare.fare_basis} do not combine."
            rule = PriceDifference(ChangeKind.RULE_BROKEN, other.fare.fare_basis, other.id, sentence)
            return PriceChange((rule,), promised_total, None)
    priced = assemble(sale, brand, cabin, slices, picks, passengers, party)
    differences += _tax_differences(book, priced, tax_version_ids)
    if priced.total != promised_total:
        sentence = f"The total was {promised_total} and is {priced.total}."
        differences.append(PriceDifference(ChangeKind.TOTAL_CHANGED, "TOTAL", None, sentence))
    if not differences:
        return priced
    return PriceChange(
        tuple(differences),
        promised_total,
        _total_now(book, slices, passengers, fares, cabin=cabin, brand=brand, now=now, point_of_sale=point_of_sale),
    )


def _require_cover(slices: Slices, fares: Sequence[ChosenFare]) -> None:
    covered = sorted(
        (chosen.slice_index, segment)
        for chosen in fares
        for segment in range(chosen.first_segment, chosen.last_segment + 1)
    )
    if covered != [(index, segment) for index, segments in enumerate(slices) for segment in range(len(segments))]:
        raise ValueError("the fares do not cover every segment exactly once")


def _fare_difference(
    fare: FareVersion | None,
    chosen: ChosenFare,
    part: Part,
    layout: Layout,
    sale: Sale,
    *,
    cabin: str,
    brand: str,
    as_of: datetime,
) -> PriceDifference | None:
    """Why the chosen fare no longer holds; None if it does."""
    if fare is None:
        return PriceDifference(ChangeKind.FARE_WITHDRAWN, "", chosen.fare_version_id, "The fare is no longer on file.")
    if fare.withdrawn_at is not None:
        return PriceDifference(
            ChangeKind.FARE_WITHDRAWN, fare.fare_basis, fare.id, f"The fare {fare.fare_basis} was withdrawn."
        )
    if sale_reason(fare, as_of, sale.seller) is not None:
        return PriceDifference(
            ChangeKind.FARE_NOT_ON_SALE,
            fare.fare_basis,
            fare.id,
            f"The fare {fare.fare_basis} was not on sale when the offer was made.",
        )
    begin, end = part.segments[0], part.segments[-1]
    broken = (
        date_reason(fare, begin.departure_date)
        or advance_reason(fare, as_of, begin.departs_at)
        or stay_reason(fare, layout.stay_days)
    )
    role = layout.roles(part.slice_index)
    fits = (
        all(segment.carrier == fare.carrier for segment in part.segments)
        and (fare.cabin, fare.brand) == (cabin, brand)
        and is_filed_for(fare, role, sale.ends(begin.origin), sale.ends(end.destination))
    )
    if broken is None and fits:
        return None
    rule = broken.value.replace("_", " ") if broken is not None else "market"
    return PriceDifference(
        ChangeKind.RULE_BROKEN,
        fare.fare_basis,
        fare.id,
        f"The fare {fare.fare_basis} does not fit the itinerary ({rule}).",
    )


def _tax_differences(
    book: FareBook, priced: PricedItinerary, promised_versions: Collection[int]
) -> list[PriceDifference]:
    """Taxes in the price, or promised with it, that were withdrawn or are others than promised."""
    differences = []
    used = set(priced.tax_version_ids)
    for version_id in sorted(used | set(promised_versions)):
        tax = book.taxes.get(version_id)
        code = tax.code if tax is not None else ""
        if tax is None or tax.withdrawn_at is not None:
            sentence = f"The charge {code} was withdrawn." if code else "A charge is no longer on file."
            differences.append(PriceDifference(ChangeKind.TAX_WITHDRAWN, code, version_id, sentence))
        elif promised_versions and (version_id in used) != (version_id in promised_versions):
            sentence = (
                f"The charge {code} is due now." if version_id in used else f"The charge {code} is no longer due."
            )
            differences.append(PriceDifference(ChangeKind.TAX_CHANGED, code, version_id, sentence))
    return differences


def _total_now(
    book: FareBook,
    slices: Slices,
    passengers: Sequence[PricingPassenger],
    fares: Sequence[ChosenFare],
    *,
    cabin: str,
    brand: str,
    now: datetime,
    point_of_sale: str,
) -> Money | None:
    """What the same fares cost if they were bought now, or None if one of them is not sold now."""
    sale = book.sale(now, point_of_sale)
    party = Party(passengers)
    layout = Layout(sale, slices, party, cabin, now)
    picks: list[Pick] = []
    for chosen in fares:
        fare = book.fares[chosen.fare_version_id]
        part = layout.part(chosen.slice_index, chosen.first_segment, chosen.last_segment)
        if sale_reason(fare, now, point_of_sale) or advance_reason(fare, now, part.segments[0].departs_at):
            return None
        picks.append((part, Candidate(fare, sale.in_sale_currency(fare.amount).minor)))
    return assemble(sale, brand, cabin, slices, picks, passengers, party).total
