"""The ASGI application, as a server loads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar

from ais.accounts.agency_users.endpoints import AGENCY_USER_ROUTES
from ais.accounts.audit.endpoints import ROUTES as AUDIT_ROUTES
from ais.accounts.endpoints import ROUTES as ACCOUNT_ROUTES
from ais.accounts.rights.endpoints import RIGHTS_ROUTES
from ais.app.composition import web_state
from ais.app.health import read_liveness, read_readiness
from ais.ledger.endpoints import ROUTES as LEDGER_ROUTES
from ais.offers.endpoints import OffersController
from ais.orders.cancellation.endpoints import CANCELLATION_ROUTES
from ais.orders.counter.endpoints import COUNTER_ROUTES
from ais.orders.endpoints import ROUTES as ORDER_ROUTES
from ais.orders.privacy.endpoints import PRIVACY_ROUTES
from ais.payments.counter.endpoints import COUNTER_ROUTES as OWN_MONEY_ROUTES
from ais.payments.endpoints import ROUTES as PAYMENT_ROUTES
from ais.payments.lists.endpoints import LIST_ROUTES
from ais.platform.error_reports import start_error_reports
from ais.platform.http import build_application
from ais.platform.http.correlation import Correlated
from ais.platform.http.shield import Shield
from ais.platform.settings import Settings, load_settings
from ais.platform.telemetry import configure_logging
from ais.reference.endpoints import AirportsController
from ais.web.account.routes import ROUTES as ACCOUNT_PAGES
from ais.web.shop.problems import error_page
from ais.web.shop.routes import ROUTES as SHOP_ROUTES


def create_application(settings: Settings | None = None) -> Correlated:
    """The program over HTTP; settings are read from the environment unless they are given."""
    settings = settings or load_settings()
    configure_logging(settings.log_level, process="web")
    start_error_reports(settings)
    return surrounded(litestar_application(settings, owns_process=True), settings)


def surrounded(application: Litestar, settings: Settings) -> Correlated:
    """The application as the network sees it, with what holds for every request and answer around it."""
    return Correlated(Shield(application, settings))


def litestar_application(settings: Settings, *, owns_process: bool = False) -> Litestar:
    """The application inside, with its OpenAPI document; ``owns_process`` if it alone is served by this process."""
    return application_over(lambda: web_state(settings, owns_process=owns_process), settings.origins)


def application_over(
    opening: Callable[[], AbstractAsyncContextManager[dict[str, Any]]], origins: Sequence[str]
) -> Litestar:
    """All routes over what ``opening`` opens; it may be run again, over something else, when it has ended."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with opening() as state:
            for name, value in state.items():
                setattr(app.state, name, value)
            yield

    return build_application(
        routes=[
            read_liveness,
            read_readiness,
            AirportsController,
            OffersController,
            *ACCOUNT_ROUTES,
            *AGENCY_USER_ROUTES,
            *RIGHTS_ROUTES,
            *ORDER_ROUTES,
            *LEDGER_ROUTES,
            *AUDIT_ROUTES,
            *CANCELLATION_ROUTES,
            *PRIVACY_ROUTES,
            *PAYMENT_ROUTES,
            *COUNTER_ROUTES,
            *LIST_ROUTES,
            *OWN_MONEY_ROUTES,
            *ACCOUNT_PAGES,
            *SHOP_ROUTES,
        ],
        lifespan=[lifespan],
        error_page=error_page,
        cors_origins=origins,
    )
