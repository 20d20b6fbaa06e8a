"""GET /api/v1/airports, through the real application shell."""

import pytest
from litestar.testing import TestClient

from ais.kit import SystemClock
from ais.platform.http import Authenticator, build_application
from ais.platform.tokens import TokenRing
from ais.reference import packaged_reference
from ais.reference.endpoints import AirportsController


@pytest.fixture(scope="module")
def client():
    authenticator = Authenticator(TokenRing("k1:" + "a" * 64), SystemClock(), None)
    application = build_application(
        routes=[AirportsController], state={"authenticator": authenticator, "read_reference": packaged_reference}
    )
    with TestClient(application) as client:
        yield client


def found(client, query, language="en", **parameters):
    answer = client.get("/api/v1/airports", params={"q": query, **parameters}, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.json()


def test_english_text_finds_riyadh(client):
    body = found(client, "riyadh king", limit=10)
    assert body == {
        "items": [
            {
                "iata": "RUH",
                "name": "King Khaled International Airport",
                "city": "Riyadh",
                "city_code": "RUH",
                "country": "SA",
                "country_name": "Saudi Arabia",
                "timezone": "Asia/Riyadh",
            }
        ],
        "next_cursor": None,
    }


def test_arabic_text_finds_it_too_and_the_header_chooses_the_language_of_the_answer(client):
    item = found(client, "رياض", "ar")["items"][0]
    assert (item["iata"], item["city"], item["name"]) == ("RUH", "الرياض", "مطار الملك خالد الدولي")
    assert item["country"] == "SA"
    assert item["country_name"] == "المملكة العربية السعودية"
    assert found(client, "رياض", "en")["items"][0]["city"] == "Riyadh"


def test_the_contracts_example(client):
    body = found(client, "ria", limit=10)
    assert "RUH" in [item["iata"] for item in body["items"]]
    assert len(body["items"]) <= 10


def test_pages_join_without_gap(client):
    first = found(client, "lon", limit=3)
    second = found(client, "lon", limit=3, cursor=first["next_cursor"])
    together = found(client, "lon", limit=6)
    assert first["items"] + second["items"] == together["items"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=-1", "cursor=abc", f"q={'a' * 101}"])
def test_bad_parameters_are_422(client, query):
    answer = client.get(f"/api/v1/airports?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert answer.json()["error"]["details"]["fields"][0]["path"] == query.partition("=")[0]


def test_nothing_found_is_an_empty_list(client):
    assert found(client, "zzzzzz") == {"items": [], "next_cursor": None}
