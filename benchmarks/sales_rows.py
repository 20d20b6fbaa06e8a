"""The rows that one paid and ticketed order leaves behind, and a pgbench script that inserts as many of the same."""

from __future__ import annotations

from ais.platform.database import Connection

# Of each table, which rows belong to the order `chosen`.
ROWS_OF_A_SALE = {
    # The answers to two requests, of which only one scope names the order.
    "idempotency_records": (
        "key IN ((SELECT min(key) FROM idempotency_records WHERE scope LIKE '%/payments%'),"
        " (SELECT min(key) FROM idempotency_records WHERE scope NOT LIKE '%/payments%'))"
    ),
    "holds": "id = (SELECT hold_id FROM bench.chosen)",
    "hold_items": "hold_id = (SELECT hold_id FROM bench.chosen)",
    "orders": "id = (SELECT id FROM bench.chosen)",
    "order_passengers": "order_id = (SELECT id FROM bench.chosen)",
    "order_slices": "order_id = (SELECT id FROM bench.chosen)",
    "order_segments": "order_id = (SELECT id FROM bench.chosen)",
    "order_items": "order_id = (SELECT id FROM bench.chosen)",
    "price_lines": "order_id = (SELECT id FROM bench.chosen)",
    "order_history": "order_id = (SELECT id FROM bench.chosen)",
    "payments": "order_id = (SELECT id FROM bench.chosen)",
    "payment_events": "payment_id IN (SELECT id FROM bench.payments_template)",
    "provider_events": "provider_payment_id IN (SELECT provider_payment_id FROM bench.payments_template)",
    "provider_event_attempts": "event_id IN (SELECT event_id FROM bench.provider_events_template)",
    "documents": "order_id = (SELECT id FROM bench.chosen)",
    "coupons": "document_id IN (SELECT id FROM bench.documents_template)",
    "coupon_moves": "document_id IN (SELECT id FROM bench.documents_template)",
    "ledger_postings": "order_id = (SELECT id FROM bench.chosen)",
    "ledger_entries": "posting_id IN (SELECT id FROM bench.ledger_postings_template)",
    "person_keys": (
        "id IN (SELECT person_id FROM bench.order_passengers_template"
        " UNION ALL SELECT contact_person_id FROM bench.orders_template)"
    ),
    "audit_entries": "order_id = (SELECT id FROM bench.chosen)",
    "notices": "order_id = (SELECT id FROM bench.chosen)",
}
# Keys that are not uuids; those are made new everywhere, and so that what refers to them still does.
NEW = {
    ("orders", "record_locator"): (
        "(SELECT string_agg(substr('ABCDEFGHJKMNPQRSTUVWXYZ23456789', 1 + floor(random() * 31)::int, 1), '')"
        " FROM generate_series(1, 6))"
    ),
    ("documents", "number"): "lpad(floor(random() * 1e13)::bigint::text, 13, '0')",
    ("idempotency_records", "key"): "md5(key || $1)",
    ("payments", "provider_payment_id"): "md5(provider_payment_id || $1)",
    ("payments", "provider_capture_id"): "md5(provider_capture_id || $1)",
    ("provider_events", "event_id"): "md5(event_id || $1)",
    ("provider_events", "provider_payment_id"): "md5(provider_payment_id || $1)",
    ("provider_event_attempts", "event_id"): "md5(event_id || $1)",
    ("coupon_moves", "source_id"): "md5(source_id || $1)",
    ("ledger_postings", "cause_id"): "md5(cause_id || $1)",
}
COLUMNS = """
SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''
ORDER BY attnum
"""


async def copy_of_a_sale(connection: Connection) -> str:
    """Choose an order that is ticketed, copy the tables that it has rows in; the script."""
    await connection.execute(
        "CREATE SCHEMA bench;"
        "CREATE TABLE bench.chosen AS SELECT id, hold_id FROM orders WHERE ticketing_status = 'issued' LIMIT 1"
    )
    statements = []
    for table, belongs in ROWS_OF_A_SALE.items():
        await connection.execute(
            f"CREATE TABLE bench.{table} (LIKE {table} INCLUDING ALL);"
            f"CREATE TABLE bench.{table}_template AS SELECT * FROM {table} WHERE {belongs}"
        )
        columns = await connection.fetch(COLUMNS, table)
        names = ", ".join(f'"{each["name"]}"' for each in columns)
        values = ", ".join(_value(table, each["name"], each["type"]) for each in columns)
        statements.append(f"INSERT INTO bench.{table} ({names}) SELECT {values} FROM bench.{table}_template")
    await connection.execute(
        "CREATE FUNCTION bench.one_sale(text) RETURNS void LANGUAGE plpgsql AS $body$ BEGIN "
        + "; ".join(statements)
        + "; END $body$; ANALYZE"
    )
    return "\\set number random(1, 9000000000000000)\nSELECT bench.one_sale(:number::text);\n"


def _value(table: str, name: str, kind: str) -> str:
    if (table, name) in NEW:
        return NEW[table, name]
    return f'md5("{name}"::text || $1)::uuid' if kind == "uuid" else f'"{name}"'
