"""What is on sale at one point of sale on one day, laid out for quick answers.

A :class:`Sale` never changes what it says: everything it keeps is derived from an immutable fare book and kept only so
that it need not be derived again. Each store is bounded and begins anew when it is full.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from ais.fares.domain.conditions import Conditions, ticket_conditions
from ais.fares.domain.facts import AirportFacts, ExchangeRates, convert
from ais.fares.domain.fare import (
    DEFAULT_DISCOUNTS,
    Combination,
    DiscountVersion,
    FareVersion,
    PointOfSale,
)
from ais.fares.domain.itinerary import PassengerType, PricedComponent, PricingSegment
from ais.fares.domain.rules import Role, date_reason, is_filed_for
from ais.fares.domain.tax import CouponFacts, TaxScope, TaxVersion, applies, in_order
from ais.fares.domain.valuation import ComponentPrice, CouponTaxes, price_component, whole_price
from ais.kit import Money, currency
from ais.kit.money import round_ratio

_NO_ADVANCE = timedelta(days=-36_500)
_NO_LIMIT_DAYS = 36_500
_STORED_DATES_MAXIMUM = 1_000
_STORED_PRICES_MAXIMUM = 20_000
_STORED_COUPONS_MAXIMUM = 10_000
_STORED_CONDITIONS_MAXIMUM = 5_000
_STORED_TICKETS_MAXIMUM = 10_000
_STORED_ANSWERS_MAXIMUM = 10_000


class Candidate:
    """A fare as this sale offers it: the adult's ``amount`` in minor units of the currency of sale, and its rules in a
    form that compares quickly.
    """

    __slots__ = ("advance", "amount", "brand", "combines_freely", "fare", "id", "max_stay", "min_stay", "rbd")

    def __init__(self, fare: FareVersion, amount: int) -> None:
        rule = fare.rule
        self.fare = fare
        self.id = fare.id
        self.amount = amount
        self.brand = fare.brand
        self.rbd = fare.rbd
        self.advance = _NO_ADVANCE if rule.advance_purchase_days is None else timedelta(rule.advance_purchase_days)
        self.min_stay = -_NO_LIMIT_DAYS if rule.min_stay_days is None else rule.min_stay_days
        self.max_stay = _NO_LIMIT_DAYS if rule.max_stay_days is None else rule.max_stay_days
        self.combines_freely = rule.combination is Combination.ANY


DateRule = tuple[int, date | None, date | None]


def date_rule(fare: FareVersion) -> DateRule:
    """All that says on which dates the fare may depart. The fare book, which outlives every sale, keeps the rules, so
    that no id of theirs is given to another.
    """
    return (id(fare.rule), fare.travel_from, fare.travel_until)


class DepartureDates:
    """Which of some date rules admit a date. Markets whose fares have the same rules share one."""

    __slots__ = ("_fares", "_known", "rules")

    def __init__(self, fares: Mapping[DateRule, FareVersion]) -> None:
        self.rules = tuple(fares)
        self._fares = tuple(fares.values())
        self._known: dict[date, int] = {}

    def open_on(self, day: date) -> int:
        """A number whose bit n says whether the n-th of ``rules`` admits that date."""
        known = self._known.get(day)
        if known is None:
            if len(self._known) >= _STORED_DATES_MAXIMUM:
                self._known.clear()
            known = sum([(date_reason(fare, day) is None) << place for place, fare in enumerate(self._fares)])
            self._known[day] = known
        return known


CandidatesByBrand = Mapping[str, tuple[Candidate, ...]]
Counts = tuple[tuple[int, int], ...]
"""How many passengers there are of which type, as (index into PASSENGER_TYPES, number)."""
_NOTHING: CandidatesByBrand = {}


class Market:
    """The fares on sale between two airports, for each role, by cabin and date, cheapest first."""

    __slots__ = ("_by_open_rules", "_by_role", "_dates")

    def __init__(self, by_role: Mapping[Role, Sequence[Candidate]], dates: DepartureDates) -> None:
        self._by_role = by_role
        self._dates = dates
        self._by_open_rules: dict[tuple[Role, str, int], CandidatesByBrand] = {}

    def candidates(self, role: Role, cabin: str, day: date) -> CandidatesByBrand:
        """By brand, the fares of the cabin that may depart on that date, cheapest first; one object for all dates that
        the same rules admit.
        """
        open_rules = self._dates.open_on(day)
        key = (role, cabin, open_rules)
        known = self._by_open_rules.get(key)
        if known is None:
            admitting = {rule for place, rule in enumerate(self._dates.rules) if open_rules >> place & 1}
            by_brand: dict[str, list[Candidate]] = {}
            for candidate in self._by_role[role]:
                if candidate.fare.cabin == cabin and date_rule(candidate.fare) in admitting:
                    by_brand.setdefault(candidate.brand, []).append(candidate)
            known = {brand: tuple(candidates) for brand, candidates in by_brand.items()} or _NOTHING
            self._by_open_rules[key] = known
        return known


class Span:
    """Consecutive coupons that one fare covers, from ``position`` on; keeps what fares cost on them."""

    __slots__ = ("_sale", "costs", "coupons", "position", "prices", "weights")

    def __init__(self, sale: Sale, coupons: tuple[CouponTaxes, ...], position: int) -> None:
        self._sale = sale
        self.coupons = coupons
        self.position = position
        self.weights = tuple(coupon.distance for coupon in coupons)
        self.prices: dict[tuple[int, int], ComponentPrice] = {}
        self.costs: dict[tuple[int, Counts], int] = {}

    def price(self, candidate: Candidate, type_index: int) -> ComponentPrice:
        """What the fare costs a passenger of the type (index into PASSENGER_TYPES) here, with taxes and charges."""
        key = (candidate.id, type_index)
        known = self.prices.get(key)
        if known is None:
            sale = self._sale
            known = price_component(
                candidate.fare,
                Money(sale.passenger_amount(candidate, type_index), sale.currency),
                PASSENGER_TYPES[type_index],
                self.coupons,
                self.weights,
                self.position,
                sale.point_of_sale,
            )
            sale.count_stored_price()
            self.prices[key] = known
        return known

    def cost(self, candidate: Candidate, counts: Counts) -> int:
        """What the fare costs so many passengers of each type here, taxes and charges included, in minor units."""
        key = (candidate.id, counts)
        known = self.costs.get(key)
        if known is None:
            known = sum([count * self.price(candidate, index).total.minor for index, count in counts])
            self._sale.count_stored_price()
            self.costs[key] = known
        return known


FarePick = tuple[Span, Candidate, int, int, int]
"""A fare and the coupons that it covers: those of the slice of that index, from the first to the last segment."""


class Ticket(msgspec.Struct, frozen=True):
    """What fares that were picked say and cost, whoever travels. ``prices`` are of one passenger, by index of the type:
    those of the types that have been asked for.

    ``picks`` are kept so that no id of theirs can be given to another.
    """

    components: tuple[PricedComponent, ...]
    conditions: tuple[Conditions, ...]
    picks: tuple[FarePick, ...]
    prices: dict[int, ComponentPrice]


Answer = tuple[tuple[str, tuple[FarePick, ...]], ...]
"""The cheapest valid fares of each brand that can cover an itinerary."""

PASSENGER_TYPES = (
    PassengerType.ADULT,
    PassengerType.CHILD,
    PassengerType.INFANT,
    PassengerType.INFANT_SEAT,
)
"""Types by the index that pricing uses inside."""


class RuleBands(NamedTuple):
    """The limits on file that times before departure and stays (in days) are held against, in order: between two
    neighbours all are alike.
    """

    advance: Sequence[timedelta]
    stay: Sequence[int]


class Sale:
    """All that is on sale at one point of sale, from one change of the versions to the next, at one day's rates."""

    def __init__(
        self,
        *,
        fares_between: Mapping[tuple[str, str, str], Sequence[FareVersion]],
        taxes: Sequence[TaxVersion],
        discounts: Iterable[DiscountVersion],
        facts: AirportFacts,
        rates: ExchangeRates,
        bands: RuleBands,
        at: datetime,
        point_of_sale: PointOfSale,
        seller: str,
    ) -> None:
        self.point_of_sale = point_of_sale
        self.seller = seller
        self.currency = point_of_sale.currency
        self.chargeable_multiple = currency(self.currency).chargeable_multiple
        self._at = at
        self._facts = facts
        self._rates = rates
        self._bands = bands
        self._fares_between = fares_between
        self._taxes = in_order(tax for tax in taxes if tax.is_on_sale(at))
        self._discounts = {
            (row.carrier, row.passenger_type, row.brand): row.basis_points for row in discounts if row.is_on_sale(at)
        }
        self._tax_bounds = sorted({bound for tax in self._taxes for bound in _tax_date_bounds(tax)})
        self._transit_limits = sorted({tax.exempt_transit_hours or 0 for tax in self._taxes} - {0})
        self._asks_for_journey = any(
            tax.scope in {TaxScope.DOMESTIC_JOURNEY, TaxScope.INTERNATIONAL_JOURNEY} for tax in self._taxes
        )
        self._ends: dict[str, tuple[str, str]] = {}
        self._markets: dict[tuple[str, str, str], Market] = {}
        self._dates: dict[frozenset[DateRule], DepartureDates] = {}
        self._coupons: dict[tuple[str, str, str, int, str, int | None, int | None, bool, bool], CouponTaxes] = {}
        self._spans: dict[tuple[tuple[int, ...], int], Span] = {}
        self._conditions: dict[tuple[tuple[tuple[int, ...], ...], int], tuple[Conditions, ...]] = {}
        self._tickets: dict[tuple[int, ...], Ticket] = {}
        self._answers: dict[Hashable, tuple[Answer, tuple[Span, ...]]] = {}
        self._coupons_made = 0
        self._prices_stored = 0

    def ends(self, iata: str) -> tuple[str, str]:
        """An airport's code with its city's."""
        known = self._ends.get(iata)
        if known is None:
            known = self._ends[iata] = (iata, self._facts.airport(iata).city_code)
        return known

    def same_city(self, iata: str, other: str) -> bool:
        """Whether two airports serve one city."""
        return iata == other or self.ends(iata)[1] == self.ends(other)[1]

    def is_domestic(self, slices: Sequence[Sequence[PricingSegment]]) -> bool:
        """Whether every flight of the ticket stays in one country; only told apart where a tax asks for it."""
        if not self._asks_for_journey:
            return False
        facts = self._facts
        country = facts.airport(slices[0][0].origin).country_code
        return all(
            facts.airport(segment.origin).country_code == country
            and facts.airport(segment.destination).country_code == country
            for segments in slices
            for segment in segments
        )

    def market(self, carrier: str, origin: str, destination: str) -> Market:
        """The fares of a carrier between two airports."""
        key = (carrier, origin, destination)
        known = self._markets.get(key)
        if known is None:
            known = self._markets[key] = self._build_market(carrier, origin, destination)
        return known

    def _build_market(self, carrier: str, origin: str, destination: str) -> Market:
        begin, end = self.ends(origin), self.ends(destination)
        filed: dict[int, FareVersion] = {}
        for level in (0, 1):
            for pair in ((begin[level], end[level]), (end[level], begin[level])):
                filed.update((fare.id, fare) for fare in self._fares_between.get((carrier, *pair), ()))
        candidates = [
            Candidate(fare, self.in_sale_currency(fare.amount).minor)
            for fare in filed.values()
            if fare.is_on_sale(self._at) and (not fare.points_of_sale or self.seller in fare.points_of_sale)
        ]
        candidates.sort(key=lambda candidate: (candidate.amount, candidate.id))
        return Market(
            {role: [each for each in candidates if is_filed_for(each.fare, role, begin, end)] for role in Role},
            self._departure_dates([each.fare for each in candidates]),
        )

    def _departure_dates(self, fares: Iterable[FareVersion]) -> DepartureDates:
        by_rule = {date_rule(fare): fare for fare in fares}
        rules = frozenset(by_rule)
        known = self._dates.get(rules)
        if known is None:
            known = self._dates[rules] = DepartureDates(by_rule)
        return known

    def in_sale_currency(self, amount: Money) -> Money:
        """A fare or penalty in the currency of sale, rounded as fares are there."""
        place = self.point_of_sale
        return convert(
            amount,
            self.currency,
            self._rates,
            self._at.date(),
            unit_minor=place.fare_unit_minor,
            direction=place.fare_rounding,
        )

    def passenger_amount(self, candidate: Candidate, type_index: int) -> int:
        """The fare of a passenger of a type in minor units: the adult's, or the discounted one, rounded once."""
        passenger_type = PASSENGER_TYPES[type_index]
        carrier, brand = candidate.fare.carrier, candidate.brand
        basis_points = self._discounts.get((carrier, passenger_type, brand))
        if basis_points is None:
            basis_points = self._discounts.get((carrier, passenger_type, ""), DEFAULT_DISCOUNTS[passenger_type])
        if basis_points == 10_000:
            return candidate.amount
        unit = self.point_of_sale.fare_unit_minor
        return round_ratio(candidate.amount * basis_points, 10_000 * unit, self.point_of_sale.fare_rounding) * unit

    def advance_band(self, lead: timedelta) -> int:
        """How many of the advance purchases on file so long a time before departure satisfies."""
        return bisect_right(self._bands.advance, lead)

    def stay_band(self, days: int | None) -> int | None:
        """How many of the limits to a stay on file so many days reach."""
        return None if days is None else bisect_right(self._bands.stay, days)

    def transit_limit(self, ground: timedelta) -> int | None:
        """The smallest exemption limit on file, in hours, that covers a time on the ground."""
        limits = self._transit_limits
        index = bisect_left(limits, ground.total_seconds() / 3600)
        return limits[index] if index < len(limits) else None

    def coupon(
        self,
        carrier: str,
        origin: str,
        destination: str,
        day: date,
        cabin: str,
        *,
        transit_before: int | None,
        transit_after: int | None,
        is_first: bool,
        is_domestic_journey: bool,
    ) -> CouponTaxes:
        """The taxes of a coupon; equal coupons are one object."""
        period = bisect_right(self._tax_bounds, day.toordinal()) if self._tax_bounds else 0
        key = (
            carrier, origin, destination, period, cabin, transit_before, transit_after, is_first, is_domestic_journey,
        )  # fmt: skip
        known = self._coupons.get(key)
        if known is None:
            if len(self._coupons) >= _STORED_COUPONS_MAXIMUM:
                self._coupons.clear()
                self._spans.clear()
                self._prices_stored = 0
            facts = CouponFacts(
                origin=origin,
                destination=destination,
                origin_country=self._facts.airport(origin).country_code,
                destination_country=self._facts.airport(destination).country_code,
                carrier=carrier,
                departure_date=day,
                cabin=cabin,
                brand="",
                is_first=is_first,
                is_domestic_journey=is_domestic_journey,
                hours_in_transit_before=transit_before,
                hours_in_transit_after=transit_after,
            )
            self._coupons_made += 1
            distance = max(1, round(self._facts.distance_km(origin, destination)))
            known = self._coupons[key] = CouponTaxes(self._coupons_made, facts, distance, self.taxes_of)
        return known

    def taxes_of(self, coupon: CouponFacts) -> list[tuple[TaxVersion, Money | None]]:
        """The taxes due on a coupon in the order in which they are taken, with amounts in the currency of sale."""
        place = self.point_of_sale
        return [
            (
                tax,
                None
                if tax.amount is None
                else convert(
                    tax.amount,
                    self.currency,
                    self._rates,
                    self._at.date(),
                    unit_minor=place.tax_unit_minor,
                    direction=place.tax_rounding,
                ),
            )
            for tax in self._taxes
            if applies(tax, coupon, self.seller)
        ]

    def span(self, coupons: tuple[CouponTaxes, ...], position: int) -> Span:
        """The span of these coupons from a position on; equal spans are one object."""
        key = (tuple([coupon.index for coupon in coupons]), position)
        known = self._spans.get(key)
        if known is None:
            if len(self._spans) >= _STORED_COUPONS_MAXIMUM:
                self._spans.clear()
                self._prices_stored = 0
            known = self._spans[key] = Span(self, coupons, position)
        return known

    def count_stored_price(self) -> None:
        """Bounds what all spans keep together: the oldest spans are forgotten first."""
        self._prices_stored += 1
        while self._prices_stored > _STORED_PRICES_MAXIMUM and self._spans:
            oldest = self._spans.pop(next(iter(self._spans)))
            self._prices_stored -= len(oldest.prices) + len(oldest.costs)
        if not self._spans:
            self._prices_stored = 0

    def answer(self, likeness: Hashable) -> Answer | None:
        """What was found for an itinerary of that likeness, if it was looked for before."""
        known = self._answers.get(likeness)
        return None if known is None else known[0]

    def keep_answer(self, likeness: Hashable, answer: Answer, spans: tuple[Span, ...]) -> None:
        """Remember what was found. ``spans`` are those that the likeness names by their ids: they are kept with it, so
        that none of these can be given to another.
        """
        if len(self._answers) >= _STORED_ANSWERS_MAXIMUM:
            self._answers.clear()
        self._answers[likeness] = (answer, spans)

    def ticket(self, picks: tuple[FarePick, ...], slice_count: int, counts: Counts) -> Ticket:
        """What these fares, in order over the whole itinerary, say and cost a passenger of each type of ``counts``."""
        places: list[int] = [slice_count]
        for span, candidate, slice_index, first, _ in picks:
            places += (id(span), candidate.id, slice_index, first)
        key = tuple(places)
        known = self._tickets.get(key)
        if known is None:
            if len(self._tickets) >= _STORED_TICKETS_MAXIMUM:
                self._tickets.clear()
            known = self._tickets[key] = self._new_ticket(picks, slice_count)
        for index, _ in counts:
            if index not in known.prices:
                components = [span.price(candidate, index) for span, candidate, *_ in picks]
                known.prices[index] = whole_price(components, self.chargeable_multiple)
        return known

    def _new_ticket(self, picks: tuple[FarePick, ...], slice_count: int) -> Ticket:
        fares = tuple(
            [
                tuple([candidate for _, candidate, slice_index, *_ in picks if slice_index == index])
                for index in range(slice_count)
            ]
        )
        return Ticket(
            components=tuple(
                [
                    PricedComponent(slice_index, first, last, candidate.id, candidate.fare.fare_basis, candidate.rbd)
                    for _, candidate, slice_index, first, last in picks
                ]
            ),
            conditions=self.conditions(fares, sum([candidate.amount for _, candidate, *_ in picks])),
            picks=picks,
            prices={},
        )

    def conditions(self, fares: tuple[tuple[Candidate, ...], ...], base_minor: int) -> tuple[Conditions, ...]:
        """The conditions per slice of a ticket with these fares in each slice and this base fare of an adult."""
        key = (tuple([tuple([candidate.id for candidate in part]) for part in fares]), base_minor)
        known = self._conditions.get(key)
        if known is None:
            if len(self._conditions) >= _STORED_CONDITIONS_MAXIMUM:
                self._conditions.clear()
            rules = [candidate.fare.rule.penalties for part in fares for candidate in part]
            base_fare = Money(base_minor, self.currency)
            known = self._conditions[key] = tuple(
                ticket_conditions(
                    rules,
                    min((each.fare.rule.baggage for each in part), key=lambda baggage: baggage.generosity),
                    base_fare,
                    self.in_sale_currency,
                )
                for part in fares
            )
        return known


def _tax_date_bounds(tax: TaxVersion) -> Iterable[int]:
    if tax.travel_from is not None:
        yield tax.travel_from.toordinal()
    if tax.travel_until is not None:
        yield tax.travel_until.toordinal() + 1
