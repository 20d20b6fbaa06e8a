"""A small airline to shop at, in memory: a hub-and-spoke timetable, seats to fill, fares of three brands, taxes."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
from tests.factories.fares import CARRIER, make_book, make_fare, make_tax, reference

from ais.fares import Combination, FareRule, TaxKind, TaxScope, TripType
from ais.kit import FixedClock
from ais.kit.localtime import local_date, to_instant
from ais.offers.market import Market
from ais.offers.schemas import SearchRequest
from ais.offers.service.promise import OfferTerms
from ais.offers.service.shop import Shop
from ais.platform.tokens import TokenRing
from ais.schedule import ConnectingTimeRule, ConnectingTimes, SegmentKind, TimetableRow, build_timetable

NOW = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
HUB, SECOND_BASE = "RUH", "JED"
SPOKES = (
    "DMM", "MED", "AHB", "TUU", "GIZ", "ELQ", "HAS", "YNB", "CAI", "AMM", "DXB", "KWI", "BAH", "DOH", "MCT", "BEY",
    "IST", "KHI", "LHE", "BOM", "ADD", "HBE", "SSH",
)  # fmt: skip
ECONOMY_CLASSES = "YBMHQKLVT"
MINIMUM_CONNECTING_MINUTES = 60


def ring() -> TokenRing:
    return TokenRing("test:" + base64.urlsafe_b64encode(b"k" * 32).decode())


class Seats:
    """Open seats by leg: nine in every class of both cabins, unless a test closes some."""

    def __init__(self) -> None:
        self.economy = dict.fromkeys(ECONOMY_CLASSES, 9)
        self.business = dict.fromkeys("CDJ", 9)
        self.by_leg: dict[tuple[int, str], Mapping[str, int]] = {}
        self.infants: dict[int, int] = {}

    def booking_classes_open(self, leg_ids: Sequence[int], cabin: str) -> Mapping[str, int]:
        usual = self.economy if cabin == "Y" else self.business
        maps = [self.by_leg.get((leg, cabin), usual) for leg in leg_ids]
        if all(each is maps[0] for each in maps):
            return maps[0]
        return {rbd: min(each.get(rbd, 0) for each in maps) for rbd in usual}

    def infants_open(self, leg_ids: Sequence[int]) -> int:
        return min(self.infants.get(leg, 9) for leg in leg_ids)


class Flights:
    """Collects flights by local departure time and numbers their segments and legs."""

    def __init__(self) -> None:
        self.rows: list[TimetableRow] = []
        self._flight_dates = 0
        self._legs = 0

    def add(
        self, number: str, route: str, day: date, at: str, minutes: int = 105, *, ground_minutes: int = 45
    ) -> list[int]:
        """A flight date over ``route`` ("RUH-JED", or "RUH-JED-CAI" for two legs) leaving at a local time; the ids of
        its segments: each pair of its points, in order.
        """
        stops = route.split("-")
        self._flight_dates += 1
        departs = to_instant(day, datetime.strptime(at, "%H:%M").time(), reference().timezone(stops[0]))
        times = []
        for _ in stops[1:]:
            times.append((departs, departs + timedelta(minutes=minutes)))
            departs = times[-1][1] + timedelta(minutes=ground_minutes)
        legs = list(range(self._legs + 1, self._legs + len(stops)))
        self._legs = legs[-1]
        ids = []
        for board in range(len(stops) - 1):
            for off in range(board + 1, len(stops)):
                ids.append(len(self.rows) + 1)
                self.rows.append(
                    TimetableRow(
                        id=ids[-1],
                        flight_date_id=UUID(int=self._flight_dates),
                        departs_at=times[board][0],
                        arrives_at=times[off - 1][1],
                        departure_date=local_date(times[board][0], reference().timezone(stops[board])),
                        leg_ids=legs[board:off],
                        kind=_kind(number, stops[board], stops[off]),
                    )
                )
        return ids


def _kind(number: str, origin: str, destination: str) -> SegmentKind:
    return SegmentKind(
        marketing_carrier=CARRIER,
        flight_number=number,
        operating_carrier=CARRIER,
        operating_flight_number=number,
        origin=origin,
        destination=destination,
        departure_terminal="",
        arrival_terminal="",
        aircraft="320",
        cabins=frozenset("CY"),
    )


def make_timetable(flights: Flights, *, version: int = 1, minutes: int = MINIMUM_CONNECTING_MINUTES):
    airports = {end for row in flights.rows for end in (row.kind.origin, row.kind.destination)}
    return build_timetable(
        flights.rows,
        country_of={iata: reference().airport(iata).country_code for iata in airports},
        connecting_times=ConnectingTimes([ConnectingTimeRule(minutes=minutes)]),
        version=version,
    )


def hub_flights(days: int, *, first: date | None = None, seed: int = 7) -> Flights:
    """RUH-JED six times a day, every spoke to RUH twice and to JED once a day, both ways."""
    rng = random.Random(seed)
    flights, first = Flights(), first or NOW.date() + timedelta(days=1)
    plan = [(HUB, SECOND_BASE, at) for at in ("06:00", "08:30", "11:00", "14:00", "17:30", "21:00")]
    plan += [(SECOND_BASE, HUB, at) for at in ("06:15", "08:45", "11:15", "14:15", "17:45", "21:15")]
    for spoke in SPOKES:
        for base, hours in ((HUB, (9, 18)), (SECOND_BASE, (13,))):
            for hour in hours:
                plan.append((base, spoke, f"{hour}:{rng.randrange(0, 60, 5):02d}"))
                plan.append((spoke, base, f"{(hour + 4) % 24}:{rng.randrange(0, 60, 5):02d}"))
    for number, (origin, destination, at) in enumerate(plan, 100):
        minutes = rng.randrange(70, 200, 5)
        for day in range(days):
            flights.add(str(number), f"{origin}-{destination}", first + timedelta(days=day), at, minutes)
    return flights


LADDER = (
    ("LIGHT", "T", 0),
    ("LIGHT", "Q", 80),
    ("VALUE", "V", 90),
    ("VALUE", "M", 190),
    ("FLEX", "H", 260),
    ("FLEX", "Y", 420),
)


def hub_book(*, version: int = 1):
    """One-way and half-return fares of three brands, two classes each, between all airports of the hub network."""
    airports = (HUB, SECOND_BASE, *SPOKES)
    fares = []
    free = FareRule(name="FREE")
    early = FareRule(name="EARLY", advance_purchase_days=7)
    halves = FareRule(name="HALVES", min_stay_days=1, max_stay_days=60, combination=Combination.HALF_RETURN)
    for position, origin in enumerate(airports):
        for destination in airports[position + 1 :]:
            base = 150 + int(reference().distance_km(origin, destination) / 4)
            for brand, rbd, more in LADDER:
                for trip_type, rule, percent in (
                    (TripType.ONE_WAY, early if rbd == "T" else free, 100),
                    (TripType.HALF_RETURN, halves, 85),
                ):
                    fares.append(
                        make_fare(
                            len(fares) + 1,
                            f"{origin}-{destination}",
                            f"{(base + more) * percent // 100}.00",
                            fare_basis=f"{rbd}{'OW' if trip_type is TripType.ONE_WAY else 'RT'}{brand[:2]}",
                            rbd=rbd,
                            brand=brand,
                            rule=rule,
                            trip_type=trip_type,
                        )
                    )
    taxes = [
        make_tax(1, "YQ", "25.00", kind=TaxKind.CARRIER_CHARGE, scope=TaxScope.DOMESTIC),
        make_tax(2, "YQ", "90.00", kind=TaxKind.CARRIER_CHARGE, scope=TaxScope.INTERNATIONAL),
        make_tax(3, "K7", None, basis_points=1500, percent_of=("FARE", "CHARGES"), scope=TaxScope.DOMESTIC_JOURNEY),
        make_tax(4, "SA", "87.00", country="SA", scope=TaxScope.INTERNATIONAL),
        make_tax(5, "T2", "10.00", country="SA"),
    ]
    return make_book(fares, taxes, version=version)


def make_shop(flights: Flights | None = None, book=None, seats: Seats | None = None, clock=None, **terms) -> Shop:
    """A shop over the flights and fares given, by default two weeks of the hub network."""
    market = Market(make_timetable(flights or hub_flights(14)), book or hub_book(), reference())
    values = {"offer_seconds": 900, "hold_minutes": 15.0, "sales_close_minutes": 60} | terms
    return Shop(
        market,
        seats or Seats(),
        ring=ring(),
        clock=clock or FixedClock(NOW),
        terms=OfferTerms(**values),
        point_of_sale="SA",
    )


def make_request(*slices: str, passengers: Sequence[object] = ("adult",), **more) -> SearchRequest:
    """Slices as "RUH-JED 2027-01-20"; passengers as a type, or a type and an age."""
    people = [{"type": each} if isinstance(each, str) else {"type": each[0], "age": each[1]} for each in passengers]
    body = {"slices": [_slice(text) for text in slices], "passengers": people, **more}
    return msgspec.convert(body, SearchRequest)


def _slice(text: str) -> dict[str, str]:
    market, day = text.split()
    origin, destination = market.split("-")
    return {"origin": origin, "destination": destination, "departure_date": day}
