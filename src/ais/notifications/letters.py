"""A notice as a mail: what is true of the order now, in the buyer's language, as plain text and as HTML.

Each kind is one template (templates/<kind>.jinja) from which both parts come: it says what is told; ``parts.txt`` and
``parts.html`` say how a paragraph, a flight or a link looks.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from email.utils import formataddr, parseaddr
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from ais.fares import selling_carrier
from ais.kit.ids import PaymentId, RefundId
from ais.kit.localtime import to_local
from ais.notifications.account_letters import AccountLetters
from ais.notifications.domain import Mail, Notice, NoticeKind
from ais.orders import Order, OrderPaymentStatus, OrderSegment, OrderStatus, People, find_order, open_people
from ais.payments import (
    Payment,
    Refund,
    RefundDestination,
    RefundStatus,
    find_credit_of_refund,
    find_payment,
    find_refund,
)
from ais.platform.database import Connection, Database
from ais.platform.i18n import Language, translate
from ais.platform.i18n.formats import day_text, money_text
from ais.platform.vault import Vault
from ais.reference import Airport, find_airports, find_carrier
from ais.ticketing import Document, DocumentStatus, documents_of_order

# Jinja is loaded when the first mail is written: a web process knows this package and writes none.
if TYPE_CHECKING:
    from jinja2 import Environment

_MANY_EMPTY_LINES = re.compile(r"\n{3,}")
_FIVE_LETTERS = re.compile(r".{1,5}")
OrderLink = Callable[[Order, Language], str]
PayPage = Callable[[Payment], Awaitable[str | None]]


class FlightShown(msgspec.Struct, frozen=True):
    """A flight as people read it: days and times local to each airport, ``arrives_day`` where it is another day."""

    number: str
    day: str
    departs: str
    origin: str
    arrives: str
    arrives_day: str | None
    destination: str


class PassengerShown(msgspec.Struct, frozen=True):
    """A traveller and the numbers of the live tickets; ``document_name`` is the passport's where ``name`` is not."""

    name: str
    document_name: str | None
    tickets: tuple[str, ...]


class CreditShown(msgspec.Struct, frozen=True):
    """The travel credit that a refund has issued: the code that pays with it, in groups, and the day before which
    it does.
    """

    code: str
    before: str


class _Content(msgspec.Struct, frozen=True):
    """What a mail says, as its template is given it, and to whom; ``payment`` is what it is about, if to one."""

    values: dict[str, Any]
    recipient: str
    payment: Payment | None


class Letters:
    """Writes mails from ``sender`` (an address, with or without a name).

    ``order_link`` is where an order is seen, ``pay_page`` where a payment can be made: None while that is not known.
    """

    def __init__(self, sender: str, order_link: OrderLink, pay_page: PayPage, accounts: AccountLetters) -> None:
        self._sender_name, self._address = parseaddr(sender)
        self.order_link = order_link
        self._pay_page = pay_page
        self._accounts = accounts

    async def write(self, database: Database, notice: Notice, *, now: datetime) -> Mail | None:
        """The mail, or None if what it would tell is not true any more.

        The page of a pay link is asked of its provider, with no connection held; while that is away the mail leads to
        the order's page, where it can be paid too.
        """
        async with database.connection() as connection:
            content = await self._content(connection, database.vault, notice, now)
        if content is None:
            return None
        values, payment = content.values, content.payment
        if notice.kind is NoticeKind.PAY_LINK and payment is not None:
            values = {**values, "pay_page": await self._pay_page(payment) or values["link"]}
        subject, text = _render(notice.kind, "txt", values)
        _, html = _render(notice.kind, "html", values)
        return Mail(
            message_id=f"<{notice.public_id}@{self._address.rpartition('@')[2]}>",
            sender=formataddr((self._sender_name or values["airline"], self._address)),
            recipient=content.recipient,
            subject=subject,
            text=text,
            html=html,
            language=values["language"],
            written_at=now,
        )

    async def _content(self, connection: Connection, vault: Vault, notice: Notice, now: datetime) -> _Content | None:
        language: Language = "ar" if notice.language == "ar" else "en"
        if notice.order_id is None:
            return await self._about_account(connection, vault, notice, language)
        order = await find_order(connection, notice.order_id)
        if order is None:
            raise LookupError(f"order {notice.order_id} is gone")
        refund, payment = await _money_of(connection, notice)
        cancelled = _cancelled(notice, order)
        if not _is_true(notice.kind, order, refund, payment, now, cancelled=bool(cancelled)):
            return None
        people = open_people(vault, order)
        if people.contact is None:
            # Whoever was to be told has been erased.
            return None
        documents = await documents_of_order(connection, order.id)
        airports = await find_airports(
            connection, {code for segment in order.segments for code in (segment.origin, segment.destination)}
        )
        airline = await find_carrier(connection, order.validating_carrier)
        airline_name = airline.name(language) if airline is not None else order.validating_carrier
        first = order.segments[0]
        deadline = to_local(order.payment_required_by, first.departure_timezone)
        values = {
            "language": language,
            "direction": "rtl" if language == "ar" else "ltr",
            "airline": airline_name,
            "locator": order.record_locator,
            "link": self.order_link(order, language),
            "flights": _flights(order.segments, airports, language),
            "cancelled": _flights(cancelled, airports, language),
            "passengers": _passengers(order, people, documents, language),
            "total": money_text(order.total, language),
            "is_paid": order.paid_minor > 0,
            "pay_by_time": f"{deadline:%H:%M}",
            "pay_by_day": day_text(deadline.date(), language),
            "pay_by_city": _city(first.origin, airports, language),
            "refund": money_text(refund.amount, language) if refund is not None else None,
            "reason": notice.details.get("reason"),
            "refund_to": _destination(refund, payment),
            "credit": await _credit_of(connection, refund, first.departure_timezone, language),
        }
        return _Content(values, people.contact.email, payment)

    async def _about_account(
        self, connection: Connection, vault: Vault, notice: Notice, language: Language
    ) -> _Content | None:
        told = await self._accounts.read(connection, vault, notice, language)
        if told is None:
            return None
        carrier = await selling_carrier(connection)
        airline = await find_carrier(connection, carrier) if carrier is not None else None
        name = self._sender_name or self._address.rpartition("@")[2]
        values = {
            "language": language,
            "direction": "rtl" if language == "ar" else "ltr",
            "airline": airline.name(language) if airline is not None else name,
            "locator": None,
            "link": told.link,
            **told.values,
        }
        return _Content(values, told.recipient, None)


def _cancelled(notice: Notice, order: Order) -> list[OrderSegment]:
    """Those of the notice's segments that the airline still does not fly."""
    told = set(notice.details.get("segment_ids", ()))
    return [segment for segment in order.segments if str(segment.id) in told and segment.status_code == "UN"]


def _is_true(
    kind: NoticeKind, order: Order, refund: Refund | None, payment: Payment | None, now: datetime, *, cancelled: bool
) -> bool:
    """Whether what a notice tells is so at this moment; a mail may have waited for hours."""
    may_be_paid = order.status is OrderStatus.RESERVED and order.payment_required_by > now
    refund_status = refund.status if refund is not None else None
    return {
        NoticeKind.ORDER_CONFIRMED: order.status in {OrderStatus.CONFIRMED, OrderStatus.COMPLETED},
        NoticeKind.PAYMENT_FAILED: may_be_paid and order.payment_status is OrderPaymentStatus.FAILED,
        NoticeKind.PAY_LINK: may_be_paid and payment is not None and payment.is_open,
        NoticeKind.ORDER_EXPIRED: order.status is OrderStatus.EXPIRED,
        # An order that ended with its flight has a mail of its own.
        NoticeKind.FLIGHT_CANCELLED: order.status is OrderStatus.CONFIRMED and cancelled,
        NoticeKind.ORDER_CANCELLED: order.status is OrderStatus.CANCELLED,
        # One that is through already has a mail of its own.
        NoticeKind.REFUND_BEGUN: refund_status is RefundStatus.PENDING,
        NoticeKind.REFUND_DONE: refund_status is RefundStatus.SUCCEEDED,
    }[kind]


async def _money_of(connection: Connection, notice: Notice) -> tuple[Refund | None, Payment | None]:
    """The refund that the notice is about, and the payment: that of the refund, or the one it is about itself."""
    if "payment_id" in notice.details:
        return None, await find_payment(connection, PaymentId(UUID(notice.details["payment_id"])))
    if "refund_id" not in notice.details:
        return None, None
    refund = await find_refund(connection, RefundId(UUID(notice.details["refund_id"])))
    return refund, await find_payment(connection, refund.payment_id) if refund is not None else None


async def _credit_of(
    connection: Connection, refund: Refund | None, timezone: str, language: Language
) -> CreditShown | None:
    """The credit that the refund has issued. Its mail is the only place where whoever owns it is told its code."""
    credit = await find_credit_of_refund(connection, refund.id) if refund is not None else None
    if credit is None:
        return None
    code = "-".join(_FIVE_LETTERS.findall(credit.code))
    return CreditShown(code, day_text(to_local(credit.expires_at, timezone).date(), language))


def _destination(refund: Refund | None, payment: Payment | None) -> str | None:
    """Where the money of a refund goes: ``travel_credit``, or the method of the payment it came from."""
    if refund is not None and refund.destination is RefundDestination.TRAVEL_CREDIT:
        return "travel_credit"
    return payment.method if payment is not None else None


def _flights(
    segments: Iterable[OrderSegment], airports: Mapping[str, Airport], language: Language
) -> list[FlightShown]:
    shown = []
    for segment in segments:
        departs = to_local(segment.departs_at, segment.departure_timezone)
        arrives = to_local(segment.arrives_at, segment.arrival_timezone)
        shown.append(
            FlightShown(
                number=f"{segment.marketing_carrier}{segment.flight_number}",
                day=day_text(departs.date(), language),
                departs=f"{departs:%H:%M}",
                origin=_place(segment.origin, airports, language),
                arrives=f"{arrives:%H:%M}",
                arrives_day=day_text(arrives.date(), language) if arrives.date() != departs.date() else None,
                destination=_place(segment.destination, airports, language),
            )
        )
    return shown


def _city(code: str, airports: Mapping[str, Airport], language: Language) -> str:
    return airports[code].city(language) if code in airports else code


def _place(code: str, airports: Mapping[str, Airport], language: Language) -> str:
    return f"{_city(code, airports, language)} ({code})" if code in airports else code


def _passengers(
    order: Order, people: People, documents: Iterable[Document], language: Language
) -> list[PassengerShown]:
    tickets: dict[UUID, list[str]] = {}
    for document in documents:
        if document.status is DocumentStatus.ISSUED:
            tickets.setdefault(document.passenger_id, []).append(document.number)
    shown = []
    for each in order.passengers:
        details = people.details.get(each.id)
        if details is None:
            continue
        name, document_name = f"{details.given_name} {details.family_name}".strip(), None
        if language == "ar" and details.name_local is not None:
            # The travel document's name stays beside it: that is what is checked at the airport.
            name, document_name = f"{details.name_local.given} {details.name_local.family}".strip(), name
        shown.append(PassengerShown(name, document_name, tuple(tickets.get(each.id, ()))))
    return shown


def _render(kind: NoticeKind, form: str, content: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and body; ``form`` is ``txt`` or ``html``."""
    environment = _environment(form)
    template = environment.get_template(f"{kind}.jinja")
    say = _speaker(content["language"], form)
    values = {
        **content,
        "t": say,
        "layout": f"layout.{form}",
        "part": environment.get_template(f"parts.{form}").make_module({"t": say, "direction": content["direction"]}),
    }
    body = template.render(values)
    if form == "txt":
        body = _MANY_EMPTY_LINES.sub("\n\n", body).strip() + "\n"
    subject = "".join(template.blocks["subject"](template.new_context(values)))
    return " ".join(subject.split()), body


def _speaker(language: Language, form: str) -> Callable[..., str]:
    """What templates call as ``t``: a sentence in the mail's language, what it names put in, escaped in HTML."""

    def say(sentence: str, **names: object) -> str:
        translated = translate(sentence, language)
        if form == "txt":
            return translated.format(**names)
        from markupsafe import Markup, escape

        return Markup(escape(translated)).format(**names)  # noqa: S704  # what is put in is escaped too

    return say


@lru_cache(maxsize=2)
def _environment(form: str) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("ais.notifications"),
        autoescape=form == "html",  # noqa: S701  # plain text is not escaped, HTML is
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
