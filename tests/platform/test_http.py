"""The conventions that every route shares, stated on an application of a few routes of their own."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest
import structlog.testing
from litestar import Response, asgi, get, post
from litestar.params import Parameter

from ais.kit import (
    Actor,
    ActorKind,
    AppError,
    Channel,
    FixedClock,
    InvalidStateTransition,
    NotFound,
    ServiceUnavailable,
)
from ais.platform.http import (
    ACCOUNT,
    ORDER,
    PUBLIC,
    SIGNED,
    Authenticator,
    HTTPRequest,
    JSONBody,
    Unauthorized,
    actor_of,
    build_application,
    correlation_id_of,
    errors,
    json_response,
    request_key,
    staff,
)
from ais.platform.http.correlation import Correlated
from ais.platform.idempotency import IdempotencyInProgress
from ais.platform.rate_limits import RateLimited
from ais.platform.tokens import TokenRing

NOW = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
RING = TokenRing("k1:" + "A" * 43)
OPERATOR = "operator-token-of-the-tests"


class People:
    """Knows two tokens and one browser: a traveller, staff who proved who they are so many minutes ago, an agent."""

    async def bearer(self, credentials):
        if credentials == "traveller":
            return Actor(ActorKind.TRAVELLER, "usr_1", Channel.API, session_id="ses_1")
        kind, _, minutes = credentials.partition("-")
        if kind != "staff":
            raise Unauthorized
        proved_at = NOW - timedelta(minutes=int(minutes)) if minutes else None
        rights = frozenset({"refunds.approve"})
        return Actor(ActorKind.STAFF, "usr_2", Channel.API, rights, session_id="ses_2", second_factor_at=proved_at)

    async def page(self, connection):
        if connection.cookies.get("account") != "agent":
            return None
        return Actor(ActorKind.AGENT, "usr_3", Channel.WEB, session_id="ses_3")


AUTHENTICATOR = Authenticator(RING, FixedClock(NOW), OPERATOR, frozenset({"orders.read_any"}), People())
ORDER_ID = UUID("0198c0de-7d1f-7c3a-9a52-0242ac120002")
INSIDE = "row of huda@example.com in table orders"


class Passenger(msgspec.Struct, forbid_unknown_fields=True):
    family_name: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    age: int | None = None


class Booking(msgspec.Struct, forbid_unknown_fields=True):
    seats: Annotated[int, msgspec.Meta(ge=1, le=9)]
    passengers: list[Passenger] = []


class Shown(msgspec.Struct):
    actor: str
    correlation_id: str


class Kept(msgspec.Struct):
    scope: str
    key: str


PROBLEMS: dict[str, Exception] = {
    "accident": RuntimeError(INSIDE),
    "lost": asyncpg.ConnectionDoesNotExistError(INSIDE),
    "locked": asyncpg.LockNotAvailableError(INSIDE),
    "late": TimeoutError(INSIDE),
    "refused": ConnectionRefusedError(INSIDE),
    "duplicate": asyncpg.UniqueViolationError(INSIDE),
    "missing": NotFound(),
    "moved": InvalidStateTransition("order", "cancelled", "confirmed"),
    "limited": RateLimited(10, 42),
    "twin": IdempotencyInProgress(),
    "away": ServiceUnavailable(),
}


@get("/open", access=PUBLIC)
async def read_open(request: HTTPRequest, limit: Annotated[int, Parameter(ge=1, le=200)] = 50) -> Response[Shown]:
    await asyncio.sleep(0)
    return json_response(Shown(actor_of(request).name, f"{correlation_id_of()} {limit}"))


@get("/orders/one", access=ORDER)
async def read_order(request: HTTPRequest) -> Response[Shown]:
    return json_response(Shown(actor_of(request).name, correlation_id_of()))


@get("/staff", access=staff("orders.read_any"))
async def read_staff(request: HTTPRequest) -> Response[Shown]:
    return json_response(Shown(actor_of(request).name, correlation_id_of()))


@get("/staff/secret", access=staff("nobody.has_this"))
async def read_secret(request: HTTPRequest) -> Response[Shown]:
    return json_response(Shown(actor_of(request).name, correlation_id_of()))


@get("/api/v1/me", access=ACCOUNT)
async def read_me(request: HTTPRequest) -> Response[Shown]:
    return json_response(Shown(actor_of(request).name, correlation_id_of()))


@get("/own", access=ACCOUNT)
async def read_own_page(request: HTTPRequest) -> Response[Shown]:
    return json_response(Shown(actor_of(request).name, correlation_id_of()))


@get("/refunds", access=staff("refunds.approve", step_up=True))
async def approve(request: HTTPRequest) -> Response[Shown]:
    return json_response(Shown(actor_of(request).name, correlation_id_of()))


@post("/webhook", access=SIGNED, status_code=200)
async def receive(request: HTTPRequest) -> Response[Shown]:
    return json_response(Shown(actor_of(request).name, correlation_id_of()))


@post("/bookings", access=PUBLIC, dto=JSONBody[Booking], return_dto=None, status_code=201)
async def book(data: Booking) -> Response[Booking]:
    return json_response(data, status=201)


@post("/keyed/{name:str}", access=PUBLIC, dto=JSONBody[Booking], return_dto=None, status_code=201)
async def keyed(request: HTTPRequest, name: str, data: Booking) -> Response[Kept]:
    key = await request_key(request, required=name != "optional")
    return json_response(Kept(key.scope, key.key) if key else Kept("", ""), status=201)


@get("/problems/{name:str}", access=PUBLIC)
async def fail(name: str) -> Response[Shown]:
    raise PROBLEMS[name]


ROUTES = [
    read_open,
    read_order,
    read_staff,
    read_secret,
    read_me,
    read_own_page,
    approve,
    receive,
    book,
    keyed,
    fail,
]


@pytest.fixture(scope="module")
async def http():
    application = build_application(routes=ROUTES, state={"authenticator": AUTHENTICATOR})
    transport = httpx.ASGITransport(Correlated(application), raise_app_exceptions=False)
    async with application.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://ais") as client:
        yield client


def guest(expires_at: datetime = NOW + timedelta(hours=1), order_id: UUID = ORDER_ID) -> dict[str, str]:
    token = AUTHENTICATOR.guest_token(order_id, expires_at_seconds=int(expires_at.timestamp()))
    return {"Authorization": f"Bearer {token}"}


def error_of(answer: httpx.Response, status: int, code: str, *, retryable: bool = False) -> dict:
    """The error of an answer, after everything that all errors share was held against the contract."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert list(error) == ["code", "message", "correlation_id", "retryable", "details"]
    assert (error["code"], error["retryable"]) == (code, retryable)
    assert error["correlation_id"] == answer.headers["x-correlation-id"]
    assert isinstance(error["details"], dict)
    return error


# Bodies


async def test_a_body_that_fits_is_taken(http):
    body = {"seats": 2, "passengers": [{"family_name": "Harbi", "age": None}]}
    answer = await http.post("/bookings", json=body)
    assert (answer.status_code, answer.json()) == (201, body)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"seats=2",
        b'{"seats": 2',
        b'{"seats": 2}}',
        b'{"seats": NaN}',
        b'{"seats": "\xff"}',
        b"[" * 60_000,
        b'{"seats": "2"',
    ],
    ids=["empty", "open", "form", "cut", "more", "NaN", "not UTF-8", "deep", "wrong and cut"],
)
async def test_what_is_not_json_is_400(http, content):
    answer = await http.post("/bookings", content=content, headers={"Content-Type": "application/json"})
    error_of(answer, 400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "seats"),
        ({"seats": "2"}, "seats"),
        ({"seats": 2.5}, "seats"),
        ({"seats": True}, "seats"),
        ({"seats": None}, "seats"),
        ({"seats": 0}, "seats"),
        ({"seats": 10}, "seats"),
        ({"seats": 10**30}, "seats"),
        ({"seats": 2, "price": 1}, "price"),
        ({"seats": 2, "passengers": {}}, "passengers"),
        ({"seats": 2, "passengers": [{"family_name": "A"}, {}]}, "passengers[...].family_name"),
        ({"seats": 2, "passengers": [{"family_name": ""}]}, "passengers[...].family_name"),
        ({"seats": 2, "passengers": [{"family_name": "A" * 21}]}, "passengers[...].family_name"),
        ({"seats": 2, "passengers": [{"family_name": "A", "role": "admin"}]}, "passengers[...].role"),
        ([], "body"),
        (None, "body"),
        ("text", "body"),
    ],
)
async def test_what_is_wrong_in_a_body_is_422_and_names_its_field(http, body, path):
    answer = await http.post("/bookings", content=json.dumps(body), headers={"Content-Type": "application/json"})
    (field,) = error_of(answer, 422, "VALIDATION_ERROR")["details"]["fields"]
    assert list(field) == ["path", "reason"]
    assert field["reason"]
    assert re.fullmatch(re.escape(path).replace(re.escape("[...]"), r"\[(\d+|\.\.\.)\]"), field["path"])


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
async def test_another_media_type_is_415(http, media_type):
    answer = await http.post("/bookings", content=b'{"seats": 2}', headers={"Content-Type": media_type})
    error_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_the_media_type_may_name_its_charset(http):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert (await http.post("/bookings", content=b'{"seats": 2}', headers=headers)).status_code == 201


async def test_a_body_over_64_kib_is_413(http):
    body = b'{"seats": 2, "passengers": []' + b" " * 64 * 1024 + b"}"
    answer = await http.post("/bookings", content=body, headers={"Content-Type": "application/json"})
    error_of(answer, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("limit", ["0", "201", "many", "1.5", ""])
async def test_a_parameter_out_of_range_is_422_and_named(http, limit):
    answer = await http.get("/open", params={"limit": limit})
    assert error_of(answer, 422, "VALIDATION_ERROR")["details"]["fields"][0]["path"] == "limit"


async def test_an_unknown_path_is_404_and_another_method_405_with_what_is_allowed(http):
    error = error_of(await http.get("/nowhere"), 404, "NOT_FOUND")
    assert (error["message"], error["details"]) == ("There is nothing here under that name.", {})
    answer = await http.delete("/bookings")
    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in answer.headers["allow"]


# Who calls


async def test_nobody_is_anonymous_on_an_open_route_and_refused_on_the_others(http):
    assert (await http.get("/open")).json()["actor"] == "anonymous:anonymous"
    for path in ("/orders/one", "/staff"):
        answer = await http.get(path)
        error_of(answer, 401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic dXNlcjpwYXNz",
        "Bearer",
        "Bearer ",
        "Bearer unknown",
        "Bearer gst_",
        "Bearer gst_AAAA",
        "gst_AAAA",
        "Bearer gst_" + RING.sign("offer", ORDER_ID.bytes + b"\xff" * 5),
        "Bearer gst_" + RING.sign("guest", b"short"),
        "Bearer gst_" + TokenRing("k1:" + "B" * 43).sign("guest", ORDER_ID.bytes + b"\xff" * 5),
    ],
)
async def test_credentials_that_are_not_ours_are_401_even_on_an_open_route(http, authorization):
    for path in ("/open", "/orders/one", "/staff"):
        error_of(await http.get(path, headers={"Authorization": authorization}), 401, "UNAUTHORIZED")


async def test_a_guest_token_names_its_order_until_its_second(http):
    answer = await http.get("/orders/one", headers=guest(NOW + timedelta(seconds=1)))
    assert answer.json()["actor"] == f"guest:{ORDER_ID}"
    error_of(await http.get("/orders/one", headers=guest(NOW)), 401, "TOKEN_EXPIRED")


async def test_a_right_that_the_caller_lacks_is_403(http):
    operator = {"Authorization": f"bearer {OPERATOR}"}
    assert (await http.get("/staff", headers=operator)).json()["actor"] == "staff:operator"
    error_of(await http.get("/staff/secret", headers=operator), 403, "FORBIDDEN")
    error_of(await http.get("/staff", headers=guest()), 403, "FORBIDDEN")


async def test_a_signed_route_leaves_the_authorization_header_alone(http):
    answer = await http.post("/webhook", headers={"Authorization": "Basic whatever"})
    assert answer.json()["actor"] == "provider:signature"


def test_a_route_without_a_declaration_fails_the_start():
    @get("/forgotten")
    async def forgotten() -> None:
        return None

    @get("/wrong", access="public")
    async def wrong() -> None:
        return None

    build_application(routes=ROUTES, state={"authenticator": AUTHENTICATOR})
    for route in (forgotten, wrong):
        with pytest.raises(RuntimeError, match=f"these routes declare no access: .*{route.handler_name}"):
            build_application(routes=[*ROUTES, route], state={"authenticator": AUTHENTICATOR})


def test_a_route_that_goes_round_the_guard_fails_the_start():
    async def of_its_own(request): ...

    @get("/unguarded", access=PUBLIC, before_request=of_its_own)
    async def unguarded() -> None:
        return None

    @asgi("/bare", opt={"access": PUBLIC})
    async def bare(scope: Any, receive: Any, send: Any) -> None: ...

    for route, name in ((unguarded, "unguarded"), (bare, "/bare")):
        with pytest.raises(RuntimeError, match=f"these routes are not guarded: .*{name}"):
            build_application(routes=[*ROUTES, route], state={"authenticator": AUTHENTICATOR})


# What goes wrong


async def test_an_accident_is_500_and_tells_nothing_of_the_inside(http, monkeypatch):
    # A logger that another test has used keeps the processors of then.
    monkeypatch.setattr(errors, "log", structlog.get_logger())
    with structlog.testing.capture_logs() as lines:
        answer = await http.get("/problems/accident")
    error = error_of(answer, 500, "INTERNAL_ERROR")
    assert (error["message"], error["details"]) == ("Something went wrong on our side.", {})
    assert "huda" not in answer.text
    assert "Traceback" not in answer.text
    (line,) = [line for line in lines if line["event"] == "unexpected failure"]
    assert line["exc_info"] is PROBLEMS["accident"]


async def test_an_error_of_the_database_that_nobody_foresaw_is_500_without_its_text(http):
    with structlog.testing.capture_logs():
        answer = await http.get("/problems/duplicate")
    error_of(answer, 500, "INTERNAL_ERROR")
    assert "huda" not in answer.text


@pytest.mark.parametrize("name", ["lost", "locked", "late", "refused", "away"])
async def test_a_part_that_is_away_or_overloaded_is_503_and_may_be_tried_again(http, name):
    with structlog.testing.capture_logs():
        answer = await http.get(f"/problems/{name}")
    error_of(answer, 503, "SERVICE_UNAVAILABLE", retryable=True)
    assert answer.headers["retry-after"] == "1"
    assert "huda" not in answer.text


async def test_a_refusal_carries_its_details_and_its_sentence_in_the_reader_s_language(http):
    error = error_of(await http.get("/problems/moved"), 409, "INVALID_STATE_TRANSITION")
    assert error["message"] == "This cannot be done while the order is cancelled."
    assert error["details"] == {"aggregate": "order", "current": "cancelled", "target": "confirmed"}
    answer = await http.get("/problems/moved", headers={"Accept-Language": "ar-SA, en;q=0.5"})
    assert error_of(answer, 409, "INVALID_STATE_TRANSITION")["message"] == (
        "لا يمكن القيام بذلك ما دامت حالة order هي cancelled."
    )
    assert answer.headers["content-language"] == "ar"


async def test_what_may_be_tried_again_says_when(http):
    answer = await http.get("/problems/limited")
    error = error_of(answer, 429, "RATE_LIMITED", retryable=True)
    assert error["message"] == "Too many requests. Please wait 42 seconds."
    assert answer.headers["retry-after"] == "42"
    answer = await http.get("/problems/twin")
    error_of(answer, 409, "IDEMPOTENCY_IN_PROGRESS", retryable=True)
    assert answer.headers["retry-after"] == "1"


def test_a_sentence_whose_detail_is_absent_stays_readable():
    class Half(AppError):
        message = "The {flight} left at {hour}."

    assert str(Half(flight="QZ101")) == "The QZ101 left at (hour)."


# The correlation id


@pytest.mark.parametrize("own", ["trip-7", "a", "~!@#$%^&*()_+{}|", "x" * 128])
async def test_the_caller_s_own_correlation_id_comes_back(http, own):
    answer = await http.get("/open", headers={"X-Correlation-ID": own})
    assert answer.headers["x-correlation-id"] == own
    assert answer.json()["correlation_id"] == f"{own} 50"


@pytest.mark.parametrize("own", [b"", b"x" * 129, b"two words", b"tab\tbed", "ø".encode(), b"\x7f"])
async def test_any_other_is_ignored_and_a_new_uuid_taken(http, own):
    answer = await http.get("/open", headers={b"X-Correlation-ID": own})
    assert UUID(answer.headers["x-correlation-id"]).version == 4
    assert answer.json()["correlation_id"].startswith(answer.headers["x-correlation-id"])


@pytest.mark.parametrize("path", ["/nowhere", "/problems/accident", "/schema/openapi.json", "/orders/one", "/schema"])
async def test_every_answer_has_one(http, path):
    with structlog.testing.capture_logs():
        answer = await http.get(path, headers={"X-Correlation-ID": "trip-9"})
    assert answer.headers.get_list("x-correlation-id") == ["trip-9"]


async def test_requests_at_the_same_time_do_not_mix_theirs(http):
    wanted = [str(uuid4()) for _ in range(50)]
    answers = await asyncio.gather(*(http.get("/open", headers={"X-Correlation-ID": own}) for own in wanted))
    assert [answer.json()["correlation_id"] for answer in answers] == [f"{own} 50" for own in wanted]


# The Idempotency-Key


async def send_keyed(http, key: str | bytes | None, *, name: str = "one", headers: dict | None = None):
    sent = {**({b"Idempotency-Key": key} if key is not None else {}), **(headers or {})}
    return await http.post(f"/keyed/{name}", json={"seats": 1}, headers=sent)


async def test_a_key_is_required_where_seats_or_money_move_and_may_be_left_out_elsewhere(http):
    error_of(await send_keyed(http, None), 400, "IDEMPOTENCY_KEY_REQUIRED")
    assert (await send_keyed(http, None, name="optional")).json() == {"scope": "", "key": ""}


@pytest.mark.parametrize("key", [b"", b" ", b"two words", b"x" * 256, "مفتاح".encode(), b"tab\tbed", b"\x7f"])
async def test_a_key_of_other_characters_or_length_is_400(http, key):
    error_of(await send_keyed(http, key, headers=guest()), 400, "MALFORMED_REQUEST")


async def test_without_credentials_a_key_has_at_least_32_characters(http):
    error_of(await send_keyed(http, "x" * 31), 400, "MALFORMED_REQUEST")
    answer = await send_keyed(http, "x" * 32)
    assert answer.json() == {"scope": "POST /keyed/one anonymous:anonymous", "key": "x" * 32}


@pytest.mark.parametrize("key", ["k", "x" * 255])
async def test_the_scope_is_method_concrete_path_and_caller(http, key):
    answer = await send_keyed(http, key, name="two", headers=guest())
    assert answer.json() == {"scope": f"POST /keyed/two guest:{ORDER_ID}", "key": key}


# Addresses and documents


async def test_the_openapi_document_and_its_page_are_served_from_here_alone(http):
    document = (await http.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {"/bookings", "/open"} <= set(document["paths"])
    page = await http.get("/schema")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    sources = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert sources
    assert all(source.startswith("/schema/files/") for source in sources)
    for source in sources:
        assert (await http.get(source)).status_code == 200, source


# Accounts


def as_account(credentials: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credentials}"}


async def test_a_route_for_accounts_takes_whoever_is_signed_in_and_nobody_else(http):
    assert (await http.get("/api/v1/me", headers=as_account("traveller"))).json()["actor"] == "traveller:usr_1"
    error_of(await http.get("/api/v1/me"), 401, "UNAUTHORIZED")
    error_of(await http.get("/api/v1/me", headers=as_account("somebody")), 401, "UNAUTHORIZED")
    error_of(await http.get("/api/v1/me", headers=guest()), 403, "FORBIDDEN")
    error_of(await http.get("/api/v1/me", headers=as_account(OPERATOR)), 403, "FORBIDDEN")


async def test_a_cookie_opens_pages_and_never_the_api(http):
    cookie = {"Cookie": "account=agent"}
    assert (await http.get("/own", headers=cookie)).json()["actor"] == "agent:usr_3"
    error_of(await http.get("/api/v1/me", headers=cookie), 401, "UNAUTHORIZED")
    error_of(await http.get("/own", headers={"Cookie": "account=other"}), 401, "UNAUTHORIZED")


async def test_what_asks_for_a_proof_asks_for_one_of_the_last_fifteen_minutes(http):
    assert (await http.get("/refunds", headers=as_account("staff-15"))).status_code == 200
    error_of(await http.get("/refunds", headers=as_account("staff-16")), 403, "STEP_UP_REQUIRED")
    error_of(await http.get("/refunds", headers=as_account("staff")), 403, "STEP_UP_REQUIRED")
    error_of(await http.get("/refunds", headers=as_account("traveller")), 403, "FORBIDDEN")
    error_of(await http.get("/refunds"), 401, "UNAUTHORIZED")
