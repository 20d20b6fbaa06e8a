"""POST /offers/search and GET /offers/{id}, through the real application shell."""

from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from litestar.testing import TestClient
from tests.factories.shopping import NOW, make_shop, ring

from ais.kit import FixedClock, SystemClock
from ais.offers.endpoints import ROUTES
from ais.platform.http import Authenticator, build_application

CLOCK = FixedClock(NOW)
BODY = {
    "slices": [{"origin": "RUH", "destination": "CAI", "departure_date": "2027-01-20"}],
    "passengers": [{"type": "adult"}, {"type": "child", "age": 7}],
}


@asynccontextmanager
async def with_state(app):
    app.state.authenticator = Authenticator(ring(), SystemClock(), None)
    app.state.shop = make_shop(clock=CLOCK)
    yield


@pytest.fixture(scope="module")
def client():
    with TestClient(build_application(routes=ROUTES, lifespan=[with_state])) as client:
        yield client


def search(client, *, headers=None, **changes):
    return client.post("/api/v1/offers/search", json=BODY | changes, headers=headers)


def test_a_search_answers_offers_and_each_can_be_looked_at(client):
    answer = search(client)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    offers = answer.json()["offers"]
    assert len(offers) == 9
    assert [float(offer["total"]["amount"]) for offer in offers] == sorted(
        float(offer["total"]["amount"]) for offer in offers
    )
    for offer in offers:
        again = client.get(f"/api/v1/offers/{offer['id']}")
        assert (again.status_code, again.json()) == (200, offer)


def test_the_language_of_the_answer_is_the_readers(client):
    answer = search(client, headers={"Accept-Language": "ar"})
    assert answer.headers["content-language"] == "ar"
    offer = answer.json()["offers"][0]
    assert offer["passengers"][0]["taxes"][0]["name"].startswith("ضريبة")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"slices": []}, "slices"),
        ({"slices": [BODY["slices"][0] | {"origin": "QQQ"}]}, "slices[0].origin"),
        ({"slices": [BODY["slices"][0] | {"departure_date": "2027-01-14"}]}, "slices[0].departure_date"),
        ({"slices": [BODY["slices"][0] | {"price": 1}]}, "slices[0].price"),
        ({"passengers": [{"type": "adult"}] * 10}, "passengers"),
        ({"passengers": [{"type": "adult"}, {"type": "child"}]}, "passengers[1].age"),
        ({"passengers": [{"type": "adult", "age": "7"}]}, "passengers[0].age"),
        ({"cabin": "first"}, "cabin"),
        ({"max_connections": 3}, "max_connections"),
        ({"limit": 0}, "limit"),
        ({"currency": "SAR"}, "currency"),
    ],
)
def test_a_wrong_body_is_422_and_names_the_field(client, changes, path):
    answer = search(client, **changes)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert [field["path"] for field in answer.json()["error"]["details"]["fields"]] == [path]


def test_what_is_not_json_is_400(client):
    answer = client.post("/api/v1/offers/search", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MALFORMED_REQUEST")


def test_an_unknown_offer_is_404_and_an_old_one_410(client):
    unknown = client.get("/api/v1/offers/ofr_unknown")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "NOT_FOUND")
    offer_id = search(client).json()["offers"][0]["id"]
    CLOCK.advance(timedelta(minutes=15))
    expired = client.get(f"/api/v1/offers/{offer_id}")
    assert (expired.status_code, expired.json()["error"]["code"]) == (410, "OFFER_EXPIRED")
    assert expired.json()["error"]["retryable"] is False


def test_the_openapi_document_declares_the_refusals(client):
    paths = client.get("/schema/openapi.json").json()["paths"]
    assert {"200", "400", "413", "415", "422", "500"} <= set(paths["/api/v1/offers/search"]["post"]["responses"])
    assert {"200", "404", "409", "410"} <= set(paths["/api/v1/offers/{offer_id}"]["get"]["responses"])
