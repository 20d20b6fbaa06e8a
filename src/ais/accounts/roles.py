"""Every permission with its meaning, and every role as a set of them: the one table that says who may do what.

A role is exactly its set. None stands above another, and no code asks for a role: routes and use cases ask for a
permission. ``docs/roles.md`` shows the same as a table and is checked against this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PERMISSIONS: Final[Mapping[str, str]] = {
    # Selling: what is one's own, or one's agency's.
    "orders.create": "order: in one's own name, for one's agency, or at the airline's counter",
    "orders.read_own": "see the orders that are one's own, or one's agency's",
    "orders.pay_own": "pay orders that are one's own, or one's agency's",
    "orders.cancel_own": "give orders up that are one's own, or one's agency's",
    # Orders of anybody.
    "orders.read_any": "see any order, within the limits of the grant",
    "orders.pay_any": "start the payment of any order that one may see",
    "orders.cancel_any": "ask for and confirm the cancellation of any order that one may see",
    "orders.void": "undo the documents of an order on their day of issue, all money back",
    "orders.waive": "ask that the penalty of a cancellation is waived",
    "payments.send_link": "have a payment link mailed to whoever bought",
    "passengers.read_personal": "see documents, dates of birth and contact data in full",
    # Second signatures.
    "waivers.approve": "sign a waiver that somebody else asked for",
    "refunds.approve": "sign a refund above the limit that somebody else asked for",
    "roles.approve": "sign a change of roles that somebody else asked for",
    # Money.
    "refunds.read": "see refunds",
    "refunds.retry": "try a failed refund again",
    "ledger.read": "read the books",
    "ledger.export": "export the books",
    "disputes.read": "see what payers dispute",
    "reconciliation.run": "compare the books with the payment provider's lists",
    "cash.read": "see cash shifts",
    "cash.take": "open and close a drawer, take and hand out cash",
    "cash.manage_offices": "add offices with counters",
    "cash.write_off": "write off what a closed drawer lacked or had too much",
    "webhooks.read": "see what payment providers told us",
    "webhooks.replay": "handle a provider's message again",
    # Agencies and machines.
    "agencies.read": "see agencies with deposit, credit and statement",
    "agencies.pay": "pay an order from an agency's deposit",
    "agencies.manage": "take agencies on, note their top-ups, set their credit",
    "agencies.manage_users": "add and remove the users of an agency",
    "api_keys.read": "see API keys, never their secrets",
    "api_keys.manage": "give API keys out and revoke them",
    # What is flown and sold.
    "flights.cancel": "cancel a flight with everything that follows for its orders",
    "schedule.edit": "import and change the schedule",
    "departures.close": "say who flew",
    "inventory.read": "see what is left to sell",
    "inventory.edit": "set authorisation levels",
    "fares.explain": "see how a price came about",
    "fares.edit": "import and withdraw fares and taxes",
    "tickets.manage_ranges": "add ranges of ticket numbers",
    # What runs and who works.
    "staff_queue.read": "see what waits for a person",
    "staff_queue.resolve": "say that it was dealt with",
    "notices.read": "see which mails went out",
    "notices.retry": "send a mail again",
    "jobs.read": "see work in the background",
    "jobs.retry": "run a job again",
    "users.read": "see accounts and their sessions",
    "users.manage": "make accounts of staff, lock accounts, end their sessions",
    "roles.read": "see who has which role, and its limits",
    "roles.grant": "ask that a role is given or taken away",
    "audit.read": "search the audit trail",
    "privacy.export": "export what is kept about a person",
    "privacy.erase": "erase a person",
}

_OWN: Final = frozenset({"orders.create", "orders.read_own", "orders.pay_own", "orders.cancel_own"})

_SUPPORT: Final = frozenset(
    {
        "orders.create",
        "orders.read_any",
        "orders.pay_any",
        "orders.cancel_any",
        "orders.waive",
        "payments.send_link",
        "passengers.read_personal",
        "refunds.read",
        "fares.explain",
        "notices.read",
        "notices.retry",
        "staff_queue.read",
        "staff_queue.resolve",
    }
)

_STATION: Final = frozenset(
    {
        "orders.create",
        "orders.read_any",
        "orders.pay_any",
        "orders.cancel_any",
        "passengers.read_personal",
        "payments.send_link",
        "cash.read",
        "cash.take",
        "departures.close",
        "inventory.read",
    }
)

_OPS: Final = frozenset(
    {
        "orders.read_any",
        "flights.cancel",
        "schedule.edit",
        "departures.close",
        "inventory.read",
        "staff_queue.read",
        "staff_queue.resolve",
        "jobs.read",
    }
)

_FINANCE: Final = frozenset(
    {
        "orders.read_any",
        "orders.void",
        "refunds.read",
        "refunds.retry",
        "refunds.approve",
        "ledger.read",
        "ledger.export",
        "disputes.read",
        "reconciliation.run",
        "cash.read",
        "cash.manage_offices",
        "cash.write_off",
        "agencies.read",
        "agencies.pay",
        "agencies.manage",
        "webhooks.read",
        "webhooks.replay",
        "staff_queue.read",
        "staff_queue.resolve",
    }
)

_REVENUE: Final = frozenset({"inventory.read", "inventory.edit", "fares.explain", "fares.edit", "schedule.edit"})

ROLES: Final[Mapping[str, frozenset[str]]] = {
    # Whoever travels, and the users and machines of an agency.
    "traveller": _OWN,
    "agent": _OWN | {"agencies.read", "agencies.pay"},
    # Staff.
    "support": _SUPPORT,
    "station": _STATION,
    "ops": _OPS,
    "finance": _FINANCE,
    "revenue": _REVENUE,
    "airline_admin": _SUPPORT
    | _STATION
    | _OPS
    | _REVENUE
    | {
        "orders.void",
        "waivers.approve",
        "agencies.read",
        "agencies.manage_users",
        "api_keys.read",
        "tickets.manage_ranges",
        "users.read",
        "roles.read",
    },
    "admin": frozenset(
        {
            "users.read",
            "users.manage",
            "roles.read",
            "roles.grant",
            "roles.approve",
            "agencies.read",
            "agencies.manage_users",
            "api_keys.read",
            "api_keys.manage",
            "jobs.read",
            "jobs.retry",
            "webhooks.read",
            "webhooks.replay",
            "staff_queue.read",
            "staff_queue.resolve",
            "audit.read",
            "privacy.export",
            "privacy.erase",
        }
    ),
    "super_admin": frozenset(PERMISSIONS) - {"orders.read_own", "orders.pay_own", "orders.cancel_own"},
}

OPERATOR_PERMISSIONS: Final = ROLES["super_admin"] - {"waivers.approve", "refunds.approve", "roles.approve"}
"""The rights of the operator's token, by which an installation gets its first people. It signs nothing for a second
person, because nobody knows who holds it.
"""
