"""Money on its way back, for requests about it: cash that a counter owes, refunds that failed, travel credits.

Each comes about as it does in life: nine people buy together and each of them gives their part back. Documents are
undone in one transaction for all nine, so that it costs little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import count, cycle
from typing import Any

import requests
from tests.factories.people_at_large import OPERATOR, People
from tests.factories.shopper import JSON, bearer, days_ahead, new_key, order_request

from ais.kit import decode_id, encode_id, ids
from ais.kit.ids import OrderId, PassengerId, RefundId
from ais.orders.cancellation.service.void import void_in
from ais.payments.service.refund import refuse_refund
from ais.platform.database import UnitOfWork

Parts = dict[str, Any]
PARTY = 9
ZONE = "Asia/Riyadh"
_DAYS = cycle(range(5, 35))
# Both tests of a module, the short and the long one, open a counter of their own in its one database.
_OFFICES = count(1)


class Returns:
    """Makes what these operations are about, and keeps it until it is asked for."""

    def __init__(self, people: People) -> None:
        self.people = people
        self._kept: dict[str, list[str]] = defaultdict(list)
        self._drawer = self._credit = ""

    def request(self, name: str) -> Parts | None:
        """A request about a refund that nobody has asked about, or about a credit; None for another operation."""
        match name:
            case "pay_out":
                refund = self._next("owed", self._owed)
                path = {"shift_id": self._drawer}
                return {"path_parameters": path, "body": {"refund_id": refund}, "headers": _keyed(OPERATOR)}
            case "try_refund_again":
                refund = self._next("failed", self._failed)
                return {"path_parameters": {"refund_id": refund}, "body": {}, "headers": _keyed(OPERATOR)}
            case "look_up_credit":
                self._credit = self._credit or self._issued()
                return {"body": {"code": self._credit}}
        return None

    def _next(self, kind: str, make: Callable[[], list[str]]) -> str:
        kept = self._kept[kind]
        if not kept:
            kept += make()
        return kept.pop()

    def _owed(self) -> list[str]:
        """Refunds of cash that were not handed out yet."""
        order = self._order()
        self._in_cash(order)
        return self._undone(order, fail=False)

    def _failed(self) -> list[str]:
        """Refunds that could not be carried out."""
        order = self._order()
        self._from_deposit(order)
        return self._undone(order, fail=True)

    def _issued(self) -> str:
        """The code of a travel credit, which is in no answer: it is mailed."""
        order = self._order()
        self._in_cash(order)
        quote = self._post(f"/orders/{order['id']}/cancellation-quotes", bearer(order), refund_to="travel_credit")
        self._post(f"/cancellation-quotes/{quote['id']}/confirm", bearer(order))
        (code,) = self.people.values("SELECT code FROM travel_credits WHERE order_id = $1", _order_id(order))
        return str(code)

    def _in_cash(self, order: JSON) -> None:
        if not self._drawer:
            office = f"RET{next(_OFFICES)}"
            self._post("/cash/offices", OPERATOR, code=office, name="Olaya", currency="SAR")
            nothing = {"amount": "0.00", "currency": "SAR"}
            opened = self._post("/cash/shifts", OPERATOR, office=office, clerk="RETURNS", opening_float=nothing)
            self._drawer = opened["id"]
        self._post(f"/cash/shifts/{self._drawer}/payments", OPERATOR, order_id=order["id"])

    def _from_deposit(self, order: JSON) -> None:
        self._post(f"/agencies/{self.people.agency}/payments", OPERATOR, order_id=order["id"])

    def _order(self) -> JSON:
        """An order of a whole party, seats held."""
        day = days_ahead(next(_DAYS))
        slices = [{"origin": "RUH", "destination": "JED", "departure_date": day.isoformat()}]
        party = [{"type": "adult"}] * PARTY
        offers = self._post("/offers/search", {}, slices=slices, passengers=party)["offers"]
        return self._post("/orders", {}, **order_request(offers[0]))

    def _undone(self, order: JSON, *, fail: bool) -> list[str]:
        """The order's documents are undone passenger by passenger, in one transaction; the refunds that it begins."""
        number = _order_id(order)
        named = [decode_id(ids.PASSENGER, passenger["id"]) for passenger in order["passengers"]]

        async def work(uow: UnitOfWork) -> list[str]:
            for each in named:
                assert each is not None
                assert await void_in(uow, number, "asked for within the day", ZONE, [PassengerId(each)]) is None
            begun = await uow.connection.fetch("SELECT id FROM refunds WHERE order_id = $1", number)
            for row in begun if fail else ():
                await refuse_refund(uow, RefundId(row["id"]), "expired_or_canceled_card")
            return [encode_id(ids.REFUND, row["id"]) for row in begun]

        return self.people.change(work)

    def _post(self, path: str, headers: dict[str, str], **body: Any) -> JSON:
        url = f"{self.people.url}/api/v1{path}"
        answer = requests.post(url, json=body, headers=_keyed(headers), timeout=30)
        assert answer.status_code in {200, 201}, (path, answer.status_code, answer.text)
        found: JSON = answer.json()
        return found


def _keyed(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": new_key()}


def _order_id(order: JSON) -> OrderId:
    found = decode_id(ids.ORDER, order["id"])
    assert found is not None
    return OrderId(found)
