"""What must hold of documents, numbers and coupons."""

from __future__ import annotations

from ais.platform.invariants import Invariant

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
)
