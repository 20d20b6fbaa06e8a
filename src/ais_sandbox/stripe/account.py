"""The simulated account: its objects, its events, and the request that is changing them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ais_sandbox.storage import Storage
from ais_sandbox.stripe.clock import now_exact, now_seconds
from ais_sandbox.stripe.collections import (
    BALANCE_TRANSACTIONS,
    CHARGES,
    CHECKOUT_SESSIONS,
    DISPUTES,
    EVENTS,
    KINDS,
    PAYMENT_INTENTS,
    PAYMENT_METHODS,
    PAYOUTS,
    REFUNDS,
    WEBHOOK_ENDPOINTS,
    Collection,
    Kind,
    Undisclosed,
)
from ais_sandbox.stripe.deliveries import Deliveries
from ais_sandbox.stripe.errors import Document
from ais_sandbox.stripe.ids import object_id
from ais_sandbox.stripe.parameters import Parameters
from ais_sandbox.stripe.scheduled import Schedule
from ais_sandbox.stripe.switches import Plan, Switchboard

API_VERSION = "2026-10-28.endive"


@dataclass(slots=True)
class Call:
    """One API request on its way through an endpoint: what the route matched and what the client sent."""

    method: str
    path: str
    ids: dict[str, str]
    parameters: Parameters
    request_id: str
    idempotency_key: str | None = None
    client_secret_only: bool = False


class Account:
    """Everything the endpoints work on. Methods expect to run inside a transaction of `storage`."""

    def __init__(
        self,
        storage: Storage,
        switchboard: Switchboard,
        page_url: str,
        reactions: "Mapping[str, tuple[Reaction, ...]]",
    ) -> None:
        """Open the collections of `storage`; `page_url` is where a browser reaches this program.

        `reactions` are called, by type of event, with each event's object once the event is recorded.
        """
        self.storage = storage
        self.switchboard = switchboard
        self.page_url = page_url
        self._reactions = reactions
        self.collections: dict[Kind, Collection] = {kind: Collection(storage, kind) for kind in KINDS}
        self.undisclosed = Undisclosed(storage)
        storage.connection.execute(
            "CREATE TABLE IF NOT EXISTS payout_items (balance_transaction TEXT PRIMARY KEY, payout TEXT NOT NULL)"
        )
        storage.connection.execute("CREATE INDEX IF NOT EXISTS payout_items_payout ON payout_items (payout)")
        self.schedule = Schedule(storage)
        self.deliveries = Deliveries(storage)
        self.request: Call | None = None
        self.resets = 0

    @property
    def payment_methods(self) -> Collection:
        """Payment methods that were used."""
        return self.collections[PAYMENT_METHODS]

    @property
    def payment_intents(self) -> Collection:
        """Payment intents."""
        return self.collections[PAYMENT_INTENTS]

    @property
    def charges(self) -> Collection:
        """Charges, failed ones too."""
        return self.collections[CHARGES]

    @property
    def refunds(self) -> Collection:
        """Refunds in every state."""
        return self.collections[REFUNDS]

    @property
    def checkout_sessions(self) -> Collection:
        """Checkout sessions in every state."""
        return self.collections[CHECKOUT_SESSIONS]

    @property
    def disputes(self) -> Collection:
        """Disputes, inquiries among them."""
        return self.collections[DISPUTES]

    @property
    def balance_transactions(self) -> Collection:
        """Every movement of the account's balance."""
        return self.collections[BALANCE_TRANSACTIONS]

    @property
    def payouts(self) -> Collection:
        """Payouts to the bank."""
        return self.collections[PAYOUTS]

    @property
    def webhook_endpoints(self) -> Collection:
        """The webhook endpoints that were made by the API."""
        return self.collections[WEBHOOK_ENDPOINTS]

    @property
    def events(self) -> Collection:
        """Events, never changed."""
        return self.collections[EVENTS]

    def later(self, action: str, object_id_: str) -> None:
        """Have a transition happen after the time that `settle_seconds` says."""
        self.schedule.add(action, object_id_, now_exact() + self.switchboard.settle_seconds)

    def record(self, event_type: str, document: Document, previous: Document | None = None) -> None:
        """Record what happened to an object, and plan the webhooks that tell it.

        `document` is kept as it is now; `previous` are the former values of what an update changed.
        """
        endpoints = self.deliveries.endpoints_for(event_type)
        data: Document = {"object": document}
        if previous is not None:
            data["previous_attributes"] = previous
        request = self.request
        event: Document = {
            "id": object_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": now_seconds(),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {
                "id": None if request is None else request.request_id,
                "idempotency_key": None if request is None else request.idempotency_key,
            },
            "type": event_type,
        }
        sequence = self.events.insert(event)
        for endpoint in endpoints:
            plan = Plan.of(self.switchboard.webhooks, sequence)
            self.deliveries.plan(event["id"], event_type, endpoint, plan.after_seconds)
        for react in self._reactions.get(event_type, ()):
            react(self, document)

    def forget_everything(self) -> None:
        """Empty every collection and every plan; endpoints stay. What is under way belongs to the past from now on."""
        self.resets += 1
        for kind, collection in self.collections.items():
            if kind is not WEBHOOK_ENDPOINTS:
                collection.clear()
        self.undisclosed.clear()
        self.storage.connection.execute("DELETE FROM payout_items")
        self.schedule.clear()
        self.deliveries.clear()


Reaction = Callable[[Account, Document], None]
