"""Putting the web process together: settings become adapters, adapters become what endpoints find in their state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ais.accounts import OPERATOR_PERMISSIONS, Accounts, ApiKeys
from ais.app.accounts import open_accounts, refuse_demo_people
from ais.app.registry import build_registry
from ais.app.rights import KnownAgencies, approval_desk, refund_limits
from ais.app.shop import open_shop
from ais.inventory import Availability, SeatDesk
from ais.offers import SnapshotRefresher
from ais.orders import CancelOrder, CreateOrder, LinkRules, PayOrder, RetimeRule
from ais.payments import AgencyGateway, CashGateway, CreditGateway, Gateways, PaymentGateway
from ais.payments.adapters.stripe import StripeGateway
from ais.platform.cache import Cache
from ais.platform.database import Database
from ais.platform.database_role import warn_of_role
from ais.platform.http import Authenticator, Denials
from ais.platform.rate_limits import RateLimiter
from ais.platform.settings import Settings
from ais.platform.tokens import TokenRing
from ais.platform.vault import admit_lookup_keys
from ais.reference import ReferenceData
from ais.web.rendering import airline_name


def own_gateways(database: Database) -> list[PaymentGateway]:
    """The gateways whose money we keep ourselves."""
    return [AgencyGateway(database), CashGateway(database), CreditGateway(database)]


def open_gateways(settings: Settings, database: Database) -> Gateways:
    """The payment gateways; several webhook secrets may be set, comma separated, while one replaces another."""
    secrets = tuple(filter(None, (secret.strip() for secret in settings.stripe_webhook_secret.split(","))))
    stripe = StripeGateway(settings.stripe_secret_key, secrets, settings.stripe_api_base)
    return Gateways([stripe], own_gateways(database))


def pay_order_services(settings: Settings, database: Database, gateways: Gateways) -> PayOrder:
    """What paying an order needs."""
    window = timedelta(minutes=settings.payment_minutes)
    return PayOrder(database, gateways, window, timedelta(minutes=settings.pay_link_minutes), _link_rules(settings))


def _link_rules(settings: Settings) -> LinkRules:
    """Where payment pages may send people back to; other hosts are set comma separated."""
    hosts = (host.strip().lower() for host in settings.return_hosts.split(","))
    return LinkRules(settings.site, frozenset(filter(None, hosts)))


def cancel_order_services(
    settings: Settings, database: Database, gateways: Gateways, read_reference: Callable[[], ReferenceData]
) -> CancelOrder:
    """What giving back needs, over HTTP."""
    return CancelOrder(
        database,
        gateways,
        timedelta(minutes=settings.quote_minutes),
        settings.accounting_timezone,
        timedelta(minutes=settings.step_up_minutes),
        read_reference,
        refund_limits(settings),
        RetimeRule(settings.moved_above),
    )


def hosted_payment_origin(settings: Settings) -> str:
    """The origin of the provider's payment page, to which a form of ours may lead."""
    if settings.stripe_api_base == "https://api.stripe.com":
        return "https://checkout.stripe.com"
    address = urlsplit(settings.stripe_api_base)
    return f"{address.scheme}://{address.netloc}"


async def _connect(settings: Settings, stack: AsyncExitStack) -> Database:
    """The database of a web process, which must have the lookup keys that its hashes need."""
    assert settings.database_url is not None
    database = await Database.connect(
        settings.database_url,
        clock=settings.clock,
        vault=settings.vault,
        minimum=2,
        maximum=settings.database_pool_size,
        application_name="ais web",
    )
    stack.push_async_callback(database.close)
    async with database.connection() as connection:
        await admit_lookup_keys(connection, settings.vault)
        if settings.production:
            await warn_of_role(connection)
    return database


@asynccontextmanager
async def web_state(settings: Settings, *, owns_process: bool = False) -> AsyncIterator[dict[str, Any]]:
    """Everything that endpoints need, running; ended in reverse order. In a process of its own, it is set for that."""
    assert settings.redis_url is not None
    async with AsyncExitStack() as stack:
        database = await _connect(settings, stack)
        cache = Cache(settings.redis_url)
        stack.push_async_callback(cache.close)
        gateways = open_gateways(settings, database)
        database.subscriptions = build_registry(settings, gateways).subscriptions
        availability = Availability(database)
        await availability.start()
        stack.push_async_callback(availability.stop)
        seat_desk = SeatDesk(database)
        await seat_desk.start()
        stack.push_async_callback(seat_desk.stop)
        shop = await open_shop(database, availability, settings)
        if owns_process:
            # The first person who types a city does not wait for its index.
            shop.market.reference.find_airports("", limit=1)
        snapshots = SnapshotRefresher(database, shop, owns_process=owns_process)
        await snapshots.start()
        stack.push_async_callback(snapshots.stop)
        denials = await stack.enter_async_context(Denials(database))
        tokens = TokenRing(settings.secret_keys)
        account_services = open_accounts(settings, database, cache)
        agencies = KnownAgencies(database)
        cancel_order = cancel_order_services(settings, database, gateways, lambda: shop.market.reference)
        stack.callback(account_services.passwords.close)
        if settings.production:
            await refuse_demo_people(account_services)
        hold_window = timedelta(minutes=settings.hold_minutes)
        yield {
            "settings": settings,
            "accounting_zone": ZoneInfo(settings.accounting_timezone),
            "database": database,
            "cache": cache,
            "gateways": gateways,
            "shop": shop,
            "read_reference": lambda: shop.market.reference,
            "tokens": tokens,
            "account_services": account_services,
            "accounts": (accounts := Accounts(account_services, ApiKeys(database, agencies), agencies)),
            "agency_codes": agencies,
            "approval_desk": approval_desk(database, account_services, cancel_order),
            "account_issuer": lambda: airline_name(shop, "en"),
            "authenticator": Authenticator(
                tokens,
                database.clock,
                settings.operator_token,
                OPERATOR_PERMISSIONS,
                accounts,
                timedelta(minutes=settings.step_up_minutes),
            ),
            "create_order": CreateOrder(database, seat_desk, shop, hold_window),
            "pay_order": pay_order_services(settings, database, gateways),
            "hosted_payment_origin": hosted_payment_origin(settings),
            "cancel_order": cancel_order,
            "trusted_proxies": settings.trusted_proxies,
            "denials": denials,
            "rate_limiter": RateLimiter(cache, settings.rates),
        }
