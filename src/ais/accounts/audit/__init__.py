"""The audit trail as one reads it: searched by staff, chained, exported, verified.

An :class:`EntryRow` says who (kind and id, with the roles and the session they acted in) did what (an action such as
``order.cancelled``) to what (a subject such as ``ord_…``), when, through which door, from which block of addresses, in
whose request (the correlation id, which the request's jobs carry too), and which fields changed from what to what.

Entries are written by :mod:`ais.platform.audit` with the change that they tell of. They are never changed or removed;
:data:`CHAIN` finds out if somebody did.
"""

from ais.accounts.audit.domain import ENTRY_FIELDS, EntryFilter, EntryRow
from ais.accounts.audit.invariants import INVARIANTS
from ais.accounts.audit.repository import CHAIN, find_entries
from ais.accounts.audit.service import search_entries

__all__ = ["CHAIN", "ENTRY_FIELDS", "INVARIANTS", "EntryFilter", "EntryRow", "find_entries", "search_entries"]
