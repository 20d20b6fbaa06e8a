"""Mail, put together: the server, the sender, and where a mail's link leads."""

from __future__ import annotations

from uuid import UUID

from ais.accounts import AccountTokens, LinkPurpose
from ais.kit import encode_id, ids
from ais.notifications import AccountLetters, Letters, MailGateway
from ais.notifications import handlers as notice_handlers
from ais.notifications import jobs as notice_jobs
from ais.orders import Order, buyer_access_ends_at
from ais.payments import Gateways, Payment, ProviderError, ProviderTimeout
from ais.platform.i18n import Language
from ais.platform.jobs import JobRegistry
from ais.platform.settings import Settings
from ais.platform.tokens import TokenRing, sign_guest_token


def register(registry: JobRegistry, settings: Settings, gateways: Gateways) -> None:
    """Have people told by mail, if a mail server is named."""
    if settings.smtp_url is None:
        return
    notice_handlers.register(registry)
    notice_jobs.register(registry, lambda: open_mail_gateway(settings), open_letters(settings, gateways))


def open_letters(settings: Settings, gateways: Gateways) -> Letters:
    """What mails say of this installation: who sends them, and where an order is seen."""
    tokens = TokenRing(settings.secret_keys)

    def order_link(order: Order, language: Language) -> str:
        """The page of the order, opened by a token of its own until a day after the last flight."""
        token = sign_guest_token(tokens, order.id, int(buyer_access_ends_at(order).timestamp()))
        return f"{settings.site.rstrip('/')}/{language}/orders/{encode_id(ids.ORDER, order.id)}?token={token}"

    async def pay_page(payment: Payment) -> str | None:
        """The address of the hosted page, asked of the provider because it is not stored."""
        if payment.provider_payment_id is None:
            return None
        try:
            return (await gateways.of(payment.provider).retrieve(payment.provider_payment_id)).checkout_url
        except (ProviderError, ProviderTimeout):
            return None

    assert settings.mail_from is not None
    return Letters(settings.mail_from, order_link, pay_page, _account_letters(settings, tokens))


def _account_letters(settings: Settings, tokens: TokenRing) -> AccountLetters:
    """Where the links in mails about accounts lead: pages of the shop, with the link's token."""
    signing = AccountTokens(tokens, settings.clock)
    site = settings.site.rstrip("/")
    pages = {LinkPurpose.VERIFY: "verify", LinkPurpose.RESET: "new-password"}

    def account_link(purpose: LinkPurpose, link_id: UUID, language: Language) -> str:
        return f"{site}/{language}/account/{pages[purpose]}?token={signing.link(purpose, link_id)}"

    def forgotten_link(language: Language) -> str:
        return f"{site}/{language}/account/forgotten"

    def own_link(language: Language) -> str:
        return f"{site}/{language}/account"

    def approvals_link(language: Language) -> str:
        return f"{site}/{language}/account/approvals"

    return AccountLetters(account_link, forgotten_link, own_link, approvals_link)


def open_mail_gateway(settings: Settings) -> MailGateway:
    """The way to the mail server; its library is loaded by who sends, and a web process does not."""
    from ais.notifications.adapters.smtp import SMTPGateway, SMTPServer

    assert settings.smtp_url is not None
    return SMTPGateway(SMTPServer.of(settings.smtp_url))
