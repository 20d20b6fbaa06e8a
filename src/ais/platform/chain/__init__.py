"""Hash chains over tables whose rows are only added, so that nobody rewrites them unseen.

A chained table carries ``transaction_id xid8`` and lies beside ``<name>_chain``, ``<name>_chain_progress`` and
``<name>_heads``. A job behind the changes gives each row a position without gaps and a hash over the hash before and
what the row says; it takes only rows that no transaction can come before any more. The chain's end is signed and leaves
the database. docs/decisions/0009-hash-chain.md says what that promises, and what it does not.

The ledger and the audit trail are chained by this, each by one :class:`Chain`.
"""

from ais.platform.chain.chain import LINKS_AT_ONCE, Chain, Told
from ais.platform.chain.folder import FolderSink, HeadFileError, read_heads
from ais.platform.chain.links import (
    GENESIS,
    BrokenLink,
    ChainBody,
    ChainReport,
    HeadSink,
    Link,
    SignedHead,
    chain_hash,
)
from ais.platform.chain.statements import ChainedTable, instant, walk_by_index

__all__ = [
    "GENESIS",
    "LINKS_AT_ONCE",
    "BrokenLink",
    "Chain",
    "ChainBody",
    "ChainReport",
    "ChainedTable",
    "FolderSink",
    "HeadFileError",
    "HeadSink",
    "Link",
    "SignedHead",
    "Told",
    "chain_hash",
    "instant",
    "read_heads",
    "walk_by_index",
]
