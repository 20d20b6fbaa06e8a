"""A pricer that tries everything: each division of each slice, each fare on each part, every tax by itself.

Written against docs/formats/fares-csv.md alone, without the indexes, the memory and the search of the real one; the
real one must find the same cheapest total for every brand.
"""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction
from itertools import product

from ais.kit import CURRENCIES

SHARE = {"adult": Fraction(1), "child": Fraction(3, 4), "infant": Fraction(1, 10), "infant_seat": Fraction(3, 4)}


def round_to(value: Fraction, unit: int, direction: str) -> int:
    steps = value / unit
    if direction == "up":
        return math.ceil(steps) * unit
    if direction == "down":
        return math.floor(steps) * unit
    return math.floor(steps + Fraction(1, 2)) * unit


class BruteForce:
    def __init__(self, world, fares, taxes, discounts, place, seller, as_of):
        self.world, self.taxes, self.discounts = world, taxes, discounts
        self.fares, self.place, self.seller, self.as_of = fares, place, seller, as_of

    def city(self, iata):
        return self.world.airport(iata).city_code

    def country(self, iata):
        return self.world.airport(iata).country_code

    def exchange(self, money, unit, direction):
        if money.currency == self.place.currency:
            return money.minor
        scale = Fraction(10 ** CURRENCIES[self.place.currency].decimals, 10 ** CURRENCIES[money.currency].decimals)
        rate = self.world.exchange_rate(money.currency, self.place.currency, self.as_of.date())
        return round_to(money.minor * scale * rate, unit, direction)

    def fits(self, fare, segments, stay, role, seats):
        first, last, rule = segments[0], segments[-1], fare.rule
        level = (lambda code: code) if fare.market_level == "airport" else self.city
        ends = (level(first.origin), level(last.destination))
        if fare.trip_type == "half_return":
            if role == "one_way":
                return False
            if role == "back":
                ends = ends[::-1]
        markets = [(fare.origin, fare.destination)]
        if fare.both_directions:
            markets.append((fare.destination, fare.origin))
        day = first.departure_date
        return (
            ends in markets
            and all(segment.carrier == fare.carrier for segment in segments)
            and fare.cabin == first.cabin
            and fare.sale_starts_at <= self.as_of
            and (fare.sale_ends_at is None or self.as_of < fare.sale_ends_at)
            and fare.withdrawn_at is None
            and (not fare.points_of_sale or self.seller in fare.points_of_sale)
            and (fare.travel_from is None or fare.travel_from <= day)
            and (fare.travel_until is None or day <= fare.travel_until)
            and (not rule.seasons or any(period.first <= day <= period.last for period in rule.seasons))
            and (not rule.travel_days or day.weekday() + 1 in rule.travel_days)
            and not any(period.first <= day <= period.last for period in rule.blackouts)
            and first.departs_at - self.as_of >= timedelta(days=rule.advance_purchase_days or -10_000)
            and (stay is None or rule.min_stay_days is None or rule.min_stay_days <= stay)
            and (stay is None or rule.max_stay_days is None or stay <= rule.max_stay_days)
            and all(segment.open_by_rbd.get(fare.rbd, 0) >= seats for segment in segments)
        )

    @staticmethod
    def admits(fare, other):
        return {
            "any": True,
            "half_return": other.trip_type == "half_return",
            "same_group": other.trip_type == "half_return"
            and fare.rule.combination_group == other.rule.combination_group,
            "same_fare_basis": fare.fare_basis == other.fare_basis,
            "one_way": other.trip_type == "one_way",
            "alone": False,
        }[fare.rule.combination]

    def passenger_fare(self, fare, kind):
        adult = self.exchange(fare.amount, self.place.fare_unit_minor, self.place.fare_rounding)
        share = SHARE[kind]
        for brand in ("", fare.brand):
            for row in self.discounts:
                if (row.carrier, row.passenger_type, row.brand) == (fare.carrier, kind, brand):
                    share = Fraction(row.basis_points, 10_000)
        if share == 1:
            return adult
        return round_to(adult * share, self.place.fare_unit_minor, self.place.fare_rounding)

    def coupon_due(self, slices, slice_index, number, brand, kind, fare_share):
        """The taxes of one coupon, percentages after what they are taken of."""
        segments = slices[slice_index]
        segment = segments[number]
        origin_country, destination_country = self.country(segment.origin), self.country(segment.destination)
        home = {
            self.country(code) for each in slices for flight in each for code in (flight.origin, flight.destination)
        }
        due = {}
        waiting = []
        for tax in self.taxes:
            scope_fits = {
                "any": True,
                "domestic": origin_country == destination_country,
                "international": origin_country != destination_country,
                "domestic_journey": len(home) == 1,
                "international_journey": len(home) > 1,
            }[tax.scope]
            if tax.point == "departure":
                place, place_country = segment.origin, origin_country
                ground = segment.departs_at - segments[number - 1].arrives_at if number else None
            elif tax.point == "arrival":
                place, place_country = segment.destination, destination_country
                follows = number + 1 < len(segments)
                ground = segments[number + 1].departs_at - segment.arrives_at if follows else None
            else:
                place, place_country, ground = "", self.seller, None
            exempt = tax.exempt_transit_hours is not None and ground is not None
            if (
                scope_fits
                and (not tax.country or tax.country == place_country)
                and (not tax.airports or place in tax.airports)
                and (not tax.carrier or tax.carrier == segment.carrier)
                and (not tax.cabins or segment.cabin in tax.cabins)
                and (not tax.brands or brand in tax.brands)
                and kind not in tax.exempt_passengers
                and not (exempt and ground <= timedelta(hours=tax.exempt_transit_hours))
                and not (tax.point == "sale" and tax.amount is not None and (slice_index or number))
                and (tax.travel_from is None or tax.travel_from <= segment.departure_date)
                and (tax.travel_until is None or segment.departure_date <= tax.travel_until)
            ):
                waiting.append(tax)
        while waiting:
            for tax in list(waiting):
                others = [each for each in waiting if each is not tax]
                blocked = any(
                    each.code in tax.percent_of or ("CHARGES" in tax.percent_of and each.kind == "carrier_charge")
                    for each in others
                )
                if tax.amount is None and blocked:
                    continue
                waiting.remove(tax)
                due[tax.id] = (tax, self.tax_amount(tax, due, fare_share))
        return sum(amount for _, amount in due.values())

    def tax_amount(self, tax, due, fare_share):
        if tax.amount is not None:
            return self.exchange(tax.amount, self.place.tax_unit_minor, self.place.tax_rounding)
        base = fare_share if "FARE" in tax.percent_of else Fraction(0)
        for other, amount in due.values():
            base += amount * (other.code in tax.percent_of)
            base += amount * ("CHARGES" in tax.percent_of and other.kind == "carrier_charge")
        if tax.rounding_unit_minor is None:
            unit, direction = 1, tax.rounding_direction
        elif tax.rounding_currency == self.place.currency:
            unit, direction = tax.rounding_unit_minor, tax.rounding_direction
        else:
            unit, direction = self.place.tax_unit_minor, self.place.tax_rounding
        return round_to(base * tax.basis_points / 10_000, unit, direction)

    def total(self, slices, chosen, passengers, brand):
        """``chosen``: (slice, first, last, fare) for each part."""
        total = 0
        step = 10 if CURRENCIES[self.place.currency].decimals == 3 else 1
        for passenger in passengers:
            one = 0
            for slice_index, first, last, fare in chosen:
                amount = self.passenger_fare(fare, passenger.type)
                one += amount
                flown = slices[slice_index][first : last + 1]
                lengths = [max(1, round(self.world.distance_km(each.origin, each.destination))) for each in flown]
                for number, length in enumerate(lengths):
                    share = Fraction(amount * length, sum(lengths))
                    one += self.coupon_due(slices, slice_index, first + number, brand, passenger.type, share)
            total += math.ceil(Fraction(one, step)) * step
        return total

    def journey(self, slices):
        """Days of stay (None on no return) and the roles of the first slice and of the others."""
        is_return = (
            len(slices) == 2
            and self.city(slices[0][0].origin) == self.city(slices[1][-1].destination)
            and self.city(slices[0][-1].destination) == self.city(slices[1][0].origin)
        )
        if not is_return:
            return None, ("one_way", "one_way")
        return (slices[1][0].departure_date - slices[0][0].departure_date).days, ("out", "back")

    def cheapest_by_brand(self, slices, passengers):
        """The least total of each brand that can be sold, in minor units."""
        seats = sum(passenger.type != "infant" for passenger in passengers)
        infants = len(passengers) - seats
        if any(segment.infants_open < infants for each in slices for segment in each):
            return {}
        stay, roles = self.journey(slices)
        divisions = [list(self.divisions(len(each))) for each in slices]
        best = {}
        for brand in {fare.brand for fare in self.fares}:
            own = [fare for fare in self.fares if fare.brand == brand]
            for division in product(*divisions):
                parts = [(index, *part) for index, each in enumerate(division) for part in each]
                choices = [
                    [
                        fare
                        for fare in own
                        if self.fits(
                            fare,
                            slices[index][first : last + 1],
                            stay,
                            roles[min(index, 1)],
                            seats,
                        )
                    ]
                    for index, first, last in parts
                ]
                for fares in product(*choices):
                    if all(
                        self.admits(one, other)
                        for number, one in enumerate(fares)
                        for place, other in enumerate(fares)
                        if number != place
                    ):
                        chosen = [(*part, fare) for part, fare in zip(parts, fares, strict=True)]
                        total = self.total(slices, chosen, passengers, brand)
                        best[brand] = min(total, best.get(brand, total))
        return best

    @staticmethod
    def divisions(count):
        for cuts in product((False, True), repeat=count - 1):
            starts = [0, *(number + 1 for number, cut in enumerate(cuts) if cut)]
            yield [(start, end - 1) for start, end in zip(starts, [*starts[1:], count], strict=True)]
