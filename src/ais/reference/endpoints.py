"""HTTP of the reference data. ``app.state.read_reference()`` answers the present snapshot."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get
from litestar.params import Parameter

from ais.kit import ValidationFailed
from ais.platform.http import PUBLIC, HTTPRequest, Page, json_response, language_of, refusals
from ais.platform.i18n import Language
from ais.reference.domain import Airport, ReferenceData
from ais.reference.schemas import AirportAnswer


class AirportsController(Controller):
    """Airports by what people type."""

    path = "/api/v1/airports"
    tags = ("reference",)

    @get(name="find_airports", access=PUBLIC, sync_to_thread=False, responses=refusals(ValidationFailed))
    def find_airports(
        self,
        request: HTTPRequest,
        q: Annotated[
            str, Parameter(max_length=100, description="The beginning of a code, name or city, in English or Arabic")
        ] = "",
        limit: Annotated[int, Parameter(ge=1, le=200)] = 50,
        cursor: Annotated[
            str | None, Parameter(pattern=r"^[1-9]\d{0,4}$", description="`next_cursor` of the answer before")
        ] = None,
    ) -> Response[Page[AirportAnswer]]:
        """Airports that match, best first: an exact code, then the region's airports, then the world's."""
        reference: ReferenceData = request.app.state.read_reference()
        first = int(cursor) if cursor else 0
        found = reference.find_airports(q, first + limit + 1)
        language = language_of(request)
        items = [_answer(airport, reference, language) for airport in found[first : first + limit]]
        following = str(first + limit) if len(found) > first + limit else None
        return json_response(Page(items, following), headers={"Content-Language": language, "Vary": "Accept-Language"})


def _answer(airport: Airport, reference: ReferenceData, language: Language) -> AirportAnswer:
    return AirportAnswer(
        iata=airport.iata,
        name=airport.name(language),
        city=airport.city(language),
        city_code=airport.city_code,
        country=airport.country_code,
        country_name=reference.country(airport.country_code).name(language),
        timezone=airport.timezone,
    )
