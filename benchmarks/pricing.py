"""How long one itinerary takes to price: CPU time, medians of several rounds, over the demo airline's fares.

Run: python benchmarks/pricing.py
"""

from __future__ import annotations

import platform
import statistics
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ais.app import demo_data
from ais.fares import (
    DiscountVersion,
    FareBook,
    FareVersion,
    PassengerType,
    PricingPassenger,
    PricingSegment,
    TaxVersion,
    price_itinerary,
)
from ais.fares.filing.files import read_filing
from ais.fares.filing.rows import KnownCodes
from ais.reference import packaged_reference

NOW = datetime(2027, 1, 15, 9, tzinfo=UTC)
ROUNDS, REPEATS = 7, 1_000
FILES = Path(demo_data.__file__).parent / "fares"


def load_book() -> FareBook:
    """The demo airline's fare files as a book, without a database."""
    reference = packaged_reference()
    files = {path.name: path.read_text(encoding="utf-8") for path in FILES.glob("*.csv")}
    carrier = files["brands.csv"].splitlines()[1].split(",")[0]
    known = KnownCodes(reference.airports, reference.cities, reference.countries, {carrier})
    filing, errors = read_filing(files, known, (), ())
    if errors:
        raise SystemExit(f"the demo's fare files hold {len(errors)} mistakes")

    def version(kind: type[Any], row: Any, number: int) -> Any:
        values = {name: getattr(row, name) for name in row.__struct_fields__ if name in kind.__struct_fields__}
        return kind(id=number, sale_starts_at=datetime(2026, 1, 1, tzinfo=UTC), **values)

    return FareBook(
        version=1,
        fares=[version(FareVersion, row, number) for number, row in enumerate(filing.fares, 1)],
        taxes=[version(TaxVersion, row, number) for number, row in enumerate(filing.taxes, 1)],
        discounts=[version(DiscountVersion, row, number) for number, row in enumerate(filing.discounts, 1)],
        brands=filing.brands,
        points_of_sale=filing.points_of_sale,
        facts=reference,
        rates=reference,
    )


def flight(carrier: str, market: str, day: date, hour: int) -> PricingSegment:
    origin, destination = market.split("-")
    departs = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    arrives = departs + timedelta(hours=2)
    seats = dict.fromkeys("YBMHQKLVTSNCDJ", 9)
    return PricingSegment(
        1, carrier, "101", origin, destination, departs, arrives, day, arrives.date(), "Y", seats, infants_open=9
    )


def main() -> None:
    book = load_book()
    carrier = next(iter(book.fares.values())).carrier
    out, back = date(2027, 4, 5), date(2027, 4, 12)
    adult = [PricingPassenger("1", PassengerType.ADULT)]
    family = [*adult, PricingPassenger("2", PassengerType.ADULT), PricingPassenger("3", PassengerType.CHILD)]
    there = [flight(carrier, "RUH-JED", out, 9)]
    connecting = [flight(carrier, "DMM-RUH", out, 6), flight(carrier, "RUH-CAI", out, 10)]
    cases = {
        "one-way, 1 adult": ([there], adult),
        "one-way, 2 adults and a child": ([there], family),
        "return, 1 adult": ([there, [flight(carrier, "JED-RUH", back, 9)]], adult),
        "return, 2 adults and a child": ([there, [flight(carrier, "JED-RUH", back, 9)]], family),
        "connection, 1 adult": ([connecting], adult),
    }
    print(f"{platform.python_implementation()} {platform.python_version()}, {len(book.fares)} fares, {ROUNDS} rounds")
    for name, (slices, party) in cases.items():
        times = []
        for _ in range(ROUNDS):
            begin = time.process_time()
            for _ in range(REPEATS):
                priced = price_itinerary(book, slices, party, cabin="Y", as_of=NOW, point_of_sale="SA")
            times.append((time.process_time() - begin) / REPEATS)
        print(f"{name:32} {statistics.median(times) * 1e6:7.1f} us  {len(priced)} brands, from {priced[0].total}")


if __name__ == "__main__":
    main()
