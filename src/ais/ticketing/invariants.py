"""What must hold of documents, numbers and coupons."""

from __future__ import annotations

from ais.platform.invariants import Invariant

_USABLE = "coupon.status IN ('open', 'airport_control', 'checked_in', 'lifted', 'suspended')"

INVARIANTS = (
    Invariant(
        "ticketing.numbers_accounted_for",
        "Every serial that a range has given out is a document, and no document lies outside.",
        """
        SELECT taken.accounting_code, taken.first_serial, taken.next_serial - taken.first_serial AS given_out,
               count(document.id) AS documents
        FROM ticket_number_ranges AS taken
        LEFT JOIN documents AS document
               ON left(document.number, 3) = taken.accounting_code
              AND right(document.number, 10)::bigint BETWEEN taken.first_serial AND taken.last_serial
        GROUP BY taken.id
        HAVING count(document.id) <> taken.next_serial - taken.first_serial
            OR max(right(document.number, 10)::bigint) >= taken.next_serial
        UNION ALL
        SELECT left(number, 3), right(number, 10)::bigint, 0, 1 FROM documents
        WHERE NOT EXISTS (
            SELECT FROM ticket_number_ranges AS taken
            WHERE taken.accounting_code = left(number, 3)
              AND right(number, 10)::bigint BETWEEN taken.first_serial AND taken.last_serial)
        """,
    ),
    Invariant(
        "ticketing.numbers_unique",
        "No two documents have the same number.",
        "SELECT number, count(*) AS documents FROM documents GROUP BY number HAVING count(*) > 1",
    ),
    Invariant(
        "ticketing.coupons_follow_documents",
        "A void document has only void coupons, and an issued one none.",
        """
        SELECT document.number, document.status, coupon.number AS coupon, coupon.status AS coupon_status
        FROM documents AS document JOIN coupons AS coupon ON coupon.document_id = document.id
        WHERE (document.status = 'void') <> (coupon.status = 'void')
        """,
    ),
    Invariant(
        "ticketing.coupons_in_sequence",
        "A document has one to four coupons, numbered from 1 without a gap.",
        """
        SELECT document.number, count(coupon.number) AS coupons, max(coupon.number) AS highest
        FROM documents AS document LEFT JOIN coupons AS coupon ON coupon.document_id = document.id
        GROUP BY document.id HAVING count(coupon.number) = 0 OR max(coupon.number) <> count(coupon.number)
        """,
    ),
    Invariant(
        "ticketing.moves_end_at_the_present",
        "The last recorded move of a coupon is its present status.",
        """
        SELECT coupon.document_id, coupon.number, coupon.status, last.to_status
        FROM coupons AS coupon
        LEFT JOIN LATERAL (
            SELECT to_status FROM coupon_moves AS move
            WHERE move.document_id = coupon.document_id AND move.coupon_number = coupon.number
            ORDER BY move.id DESC LIMIT 1
        ) AS last ON true
        WHERE last.to_status IS DISTINCT FROM coupon.status
        """,
    ),
    # Joins the ledger: what documents are worth is compared with the books.
    Invariant(
        "ticketing.issues_posted",
        "The documents of a journey are posted, each once, with all that was paid for them.",
        """
        SELECT coalesce(document.conjunction_of, document.id) AS journey, max(document.total_minor) AS total,
               sum(posted.amount) AS posted
        FROM documents AS document
        LEFT JOIN LATERAL (
            SELECT sum(entry.amount_minor) AS amount
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
            WHERE posting.kind = 'issued' AND posting.cause_type = 'document'
              AND posting.cause_id = document.id::text AND entry.account = 'customer_deposits'
        ) AS posted ON true
        GROUP BY 1 HAVING coalesce(sum(posted.amount), 0) <> max(document.total_minor)
        UNION ALL
        SELECT NULL, NULL, NULL FROM ledger_postings AS posting
        WHERE kind = 'issued' AND NOT EXISTS (SELECT FROM documents WHERE documents.id::text = posting.cause_id)
        """,
    ),
    Invariant(
        "ticketing.unflown_is_open_coupons",
        "The books hold of each coupon its fare and carrier charges while it may still be used, and then nothing.",
        f"""
        SELECT coupon.document_id, coupon.number, coupon.status, coupon.value_minor, coupon.carrier_charges_minor,
               held.fare, held.charges
        FROM coupons AS coupon
        FULL JOIN (
            SELECT document_id, coupon_number AS number,
                   coalesce(sum(-amount_minor) FILTER (WHERE account = 'unflown_fare'), 0) AS fare,
                   coalesce(sum(-amount_minor) FILTER (WHERE account = 'unflown_carrier_charges'), 0) AS charges
            FROM ledger_entries WHERE account IN ('unflown_fare', 'unflown_carrier_charges')
            GROUP BY document_id, coupon_number
        ) AS held USING (document_id, number)
        WHERE coalesce(held.fare, 0) <> CASE WHEN {_USABLE} THEN coupon.value_minor ELSE 0 END
           OR coalesce(held.charges, 0) <> CASE WHEN {_USABLE} THEN coupon.carrier_charges_minor ELSE 0 END
        """,  # noqa: S608  # made of constants
    ),
)
