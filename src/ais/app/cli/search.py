"""``ais search``: offers, and why they cost what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import click
import msgspec

from ais.app.cli.edge import Code, Day, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.offers import JourneyExplanation, OfferBody, OfferSegmentBody, SearchFindings, SearchRequest, Shop
from ais.platform.database import Database
from ais.platform.settings import Settings

_EXAMPLES = """
\b
Examples:
  ais search RUH JED 2027-05-01 --return 2027-05-09 --adults 2 --child 7
  ais search DMM CAI 2027-05-01 --explain
"""


@click.command(epilog=_EXAMPLES)
@click.argument("where", nargs=-1, required=True, metavar="ORIGIN DESTINATION DATE [ORIGIN DESTINATION DATE]...")
@click.option("--return", "back", type=Day(), help="Fly back on this date.")
@click.option("--adults", type=click.IntRange(0, 9), default=1, show_default=True, help="Adults.")
@click.option("--child", "children", type=click.IntRange(2, 11), multiple=True, metavar="AGE", help="A child; repeat.")
@click.option("--infant", "infants", type=click.IntRange(0, 1), multiple=True, metavar="AGE",
              help="An infant on a lap; repeat.")  # fmt: skip
@click.option("--cabin", type=click.Choice(["economy", "business"]), default="economy", show_default=True)
@click.option("--connections", type=click.IntRange(0, 2), default=1, show_default=True, help="At most, per slice.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many offers.")
@click.option("--point-of-sale", help="Where it is sold, as a country code.  [default: AIS_POINT_OF_SALE]")
@click.option("--explain", is_flag=True, help="Name every fare that was considered, and the rule that dropped it.")
@json_option
@click.pass_obj
def search(output: Output, /, where: tuple[str, ...], back: date | None, explain: bool, **asked: Any) -> None:
    """Find offers for one slice, several, or there and back.

    The same search as the API's, over the timetable, seats and fares as they are stored. Dates are local to the origin.
    Exit code 1 if there is no offer.
    """
    request = _request(where, back, asked)

    async def find(database: Database, settings: Settings) -> SearchFindings:
        with output.waiting("Loading timetable, seats and fares"):
            shop = await _shop(database, settings)
        if explain:
            return shop.explain(request, point_of_sale=asked["point_of_sale"])
        return SearchFindings(shop.search(request, point_of_sale=asked["point_of_sale"]), (), ())

    findings = with_database(output, find)
    answer: dict[str, Any] = {"offers": findings.offers}
    if explain:
        answer["explanations"] = [_explained(each) for each in findings.explanations]
    output.document(answer)
    if findings.offers:
        output.table(_OFFER_COLUMNS, list(_offer_rows(findings.offers)))
    for each in findings.explanations:
        _explain(output, each)
    if not findings.offers:
        output.note("There is no offer.")
        end(NOT_SO)


async def _shop(database: Database, settings: Settings) -> Shop:
    """The shop over what is stored now, in this process alone."""
    from ais.app.shop import open_shop
    from ais.inventory import Availability

    availability = Availability(database)
    await availability.refresh()
    return await open_shop(database, availability, settings)


def _request(where: Sequence[str], back: date | None, asked: dict[str, Any]) -> SearchRequest:
    if len(where) % 3 or not where:
        raise click.UsageError("Name origin, destination and date of each slice: RUH JED 2027-05-01.")
    place, day = Code("an airport", (3,)), Day()
    slices = [
        {"origin": place.convert(origin, None, None), "destination": place.convert(destination, None, None),
         "departure_date": day.convert(on, None, None).isoformat()}
        for origin, destination, on in zip(where[::3], where[1::3], where[2::3], strict=True)
    ]  # fmt: skip
    if back is not None:
        if len(slices) != 1:
            raise click.UsageError("--return goes with one slice.")
        there = slices[0]
        slices.append(
            {"origin": there["destination"], "destination": there["origin"], "departure_date": back.isoformat()}
        )
    passengers: list[dict[str, Any]] = [{"type": "adult"}] * asked["adults"]
    passengers += [{"type": "child", "age": age} for age in asked["children"]]
    passengers += [{"type": "infant", "age": age} for age in asked["infants"]]
    wanted = {
        "slices": slices,
        "passengers": passengers,
        "cabin": asked["cabin"],
        "max_connections": asked["connections"],
        "limit": asked["limit"],
    }
    try:
        return msgspec.convert(wanted, SearchRequest)
    except msgspec.ValidationError as mistake:
        raise click.UsageError(f"This cannot be searched for: {mistake}.") from None


_OFFER_COLUMNS = (
    "Offer>",
    "Total>",
    "Brand",
    "Flight",
    "Route",
    "Departs",
    "Arrives",
    "Class",
    "Fare basis",
    "Seats left>",
)


def _offer_rows(offers: Sequence[OfferBody]) -> Iterator[Sequence[Any]]:
    for number, offer in enumerate(offers, start=1):
        segments = [segment for one in offer.slices for segment in one.segments]
        for position, segment in enumerate(segments):
            head = (number, f"{offer.total.amount} {offer.total.currency}", offer.fare_brand)
            yield *(head if position == 0 else ("", "", "")), *_segment(segment)


def _segment(segment: OfferSegmentBody) -> Sequence[Any]:
    return (
        f"{segment.marketing_carrier}{segment.flight_number}",
        f"{segment.origin}-{segment.destination}",
        f"{segment.departs_at:%Y-%m-%d %H:%M}",
        f"{segment.arrives_at:%Y-%m-%d %H:%M}",
        segment.booking_class,
        segment.fare_basis,
        segment.seats_left,
    )


def _flights(explanation: JourneyExplanation) -> list[list[str]]:
    return [
        [f"{each.marketing_carrier}{each.flight_number} {each.origin}-{each.destination}" for each in option.itinerary]
        for option in explanation.options
    ]


def _explained(explanation: JourneyExplanation) -> dict[str, Any]:
    flights = _flights(explanation)
    return {
        "flights": flights,
        "considered": [
            {
                "slice": fare.slice_index,
                "flights": flights[fare.slice_index][fare.first_segment : fare.last_segment + 1],
                "fare_version_id": fare.fare_version_id,
                "fare_basis": fare.fare_basis,
                "brand": fare.brand,
                "booking_class": fare.rbd,
                "amount": {"amount": fare.amount.amount, "currency": fare.amount.currency},
                "reason": fare.reason,
                "sentence": fare.sentence,
            }
            for fare in explanation.considered
        ],
    }


def _explain(output: Output, explanation: JourneyExplanation) -> None:
    flights = _flights(explanation)
    output.table(
        ("For", "Fare basis", "Class", "Brand", "Amount>", "Outcome", "Why"),
        [
            (
                flights[fare.slice_index][fare.first_segment : fare.last_segment + 1],
                fare.fare_basis,
                fare.rbd,
                fare.brand,
                fare.amount,
                fare.reason.replace("_", " "),
                fare.sentence,
            )
            for fare in explanation.considered
        ],
        title="Fares considered for " + " / ".join(", ".join(each) for each in flights),
    )
