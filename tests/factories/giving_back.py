"""Quotes and their confirmation as a guest asks for them, and what they did to the books."""

from __future__ import annotations

from typing import Any

import httpx
from tests.factories.in_process import InProcess, bearer, new_key, order_id, payment_id

from ais.kit import Money, system_actor
from ais.kit.ids import PaymentId
from ais.ledger import order_balances
from ais.payments import DisputeStatus
from ais.payments.domain import ProviderDispute
from ais.payments.service.dispute import settle_dispute

JSON = dict[str, Any]


def minor(money: JSON) -> int:
    """A sum of the wire in minor units."""
    return Money.parse(money["amount"], money["currency"]).minor


async def post_quote(
    program: InProcess, order: JSON, *, headers: dict[str, str] | None = None, **body: Any
) -> httpx.Response:
    """Ask for a quote and answer whatever comes."""
    return await program.http.post(
        f"/api/v1/orders/{order['id']}/cancellation-quotes", json=body, headers=headers or bearer(order)
    )


async def quote(program: InProcess, order: JSON, **body: Any) -> JSON:
    """A quote, its sums right to the minor unit."""
    answer = await post_quote(program, order, **body)
    assert answer.status_code == 201, answer.text
    quoted: JSON = answer.json()
    require_exact(quoted)
    return quoted


def require_exact(quoted: JSON) -> None:
    """Every sum of a quote is what its lines say."""
    for line in quoted["lines"]:
        assert minor(line["paid"]) == minor(line["kept"]) + minor(line["refunded"])
        assert line["rule"]
    assert minor(quoted["fee"]) == minor(quoted["penalty"]) + minor(quoted["non_refundable"])
    assert minor(quoted["fee"]) == sum(minor(line["kept"]) for line in quoted["lines"])
    if quoted["lines"]:
        assert minor(quoted["refund"]) == sum(minor(line["refunded"]) for line in quoted["lines"])


async def post_confirm(
    program: InProcess,
    order: JSON,
    quoted: JSON,
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
    body: JSON | None = None,
) -> httpx.Response:
    """Confirm a quote and answer whatever comes."""
    return await program.http.post(
        f"/api/v1/cancellation-quotes/{quoted['id']}/confirm",
        json=body or {},
        headers={**(headers or bearer(order)), "Idempotency-Key": key or new_key()},
    )


async def confirm(program: InProcess, order: JSON, quoted: JSON) -> JSON:
    """The order once the quote is confirmed."""
    answer = await post_confirm(program, order, quoted)
    assert answer.status_code == 200, answer.text
    body: JSON = answer.json()
    return body


async def cancel(program: InProcess, order: JSON, **body: Any) -> JSON:
    """The order once it, or a part of it, is given up and its refunds are settled."""
    await confirm(program, order, await quote(program, order, **body))
    await program.run_jobs()
    return await program.read(order)


def states(order: JSON) -> tuple[str, str, str]:
    """Order, money, documents."""
    return order["status"], order["payment_status"], order["ticketing_status"]


def coupons(order: JSON) -> list[str]:
    """The states of all coupons, in order of the documents."""
    return [coupon["status"] for document in order["documents"] for coupon in document["coupons"]]


async def refunds(program: InProcess, order: JSON) -> list[tuple[int, str]]:
    """Amount and state of each refund of the order, the oldest first."""
    return await program.rows(
        "SELECT amount_minor, status FROM refunds WHERE order_id = $1 ORDER BY created_at", order_id(order)
    )


async def books(program: InProcess, order: JSON) -> dict[str, int]:
    """What the books hold of an order, by account, in minor units; liabilities and income are negative."""
    async with program.database.connection() as connection:
        found = await order_balances(connection, order_id(order))
    return {str(account): balance for (account, _), balance in found.items()}


async def bank_decides(program: InProcess, payment: JSON, status: DisputeStatus) -> None:
    """The payer has disputed the whole payment, and the bank has decided so; the order knows."""
    amount = Money.parse(payment["amount"]["amount"], payment["amount"]["currency"])
    found = ProviderDispute(f"dp_{payment['id']}", status, amount, "fraudulent", None)
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await settle_dispute(uow, PaymentId(payment_id(payment)), found)
    await program.run_jobs()


async def flight_dates(program: InProcess, order: JSON) -> list[Any]:
    """The flight dates of an order, in order of travel."""
    return await program.rows(
        "SELECT flight_date_id FROM order_segments WHERE order_id = $1 ORDER BY position", order_id(order)
    )
