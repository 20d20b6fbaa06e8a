"""The hash chain over the postings: what a posting says. The chain itself is :mod:`ais.platform.chain`."""

from __future__ import annotations

from ais.platform.chain import Chain, ChainedTable, instant

# What a posting says, as JSON that every language writes the same way: an array of arrays of strings and nulls, ", "
# between them; first the posting's fields in the order of POSTING_FIELDS, then each entry's in that of ENTRY_FIELDS.
# Null if there are no entries, and for a posting that is gone.
CONTENT = f"""
    '[' || json_build_array(
        posting.id::text, posting.kind, posting.cause_type, posting.cause_id, posting.order_id::text,
        posting.form_of_payment, posting.actor, posting.channel, posting.seller_id, {instant("posting.happened_at")},
        {instant("posting.recorded_at")}, posting.entry_count::text)::text
    || (SELECT string_agg(', ' || json_build_array(
            entry.number::text, entry.account, entry.amount_minor::text, entry.currency, entry.authority, entry.code,
            entry.document_id::text, entry.coupon_number::text, entry.provider, entry.agency_id, entry.office,
            entry.shift, entry.credit_id::text, {instant("entry.due_at")})::text, '' ORDER BY entry.number)
        FROM ledger_entries AS entry WHERE entry.posting_id = posting.id) || ']'
"""  # noqa: S608  # made of constants

CHAIN = Chain(
    ChainedTable(
        name="ledger",
        rows="ledger_postings",
        alias="posting",
        key="posting_id",
        content=CONTENT,
        noun="posting",
        gone="the posting or its entries are gone",
    )
)
