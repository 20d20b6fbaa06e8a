"""What the last revision promises of old rows is looked at, beside the running system; hashes get an index."""

from migrations.script import run_sql

revision = "0028"
down_revision = "0027"

UPGRADE = """
ALTER TABLE orders VALIDATE CONSTRAINT orders_contact_person_id_fkey;
ALTER TABLE orders VALIDATE CONSTRAINT orders_contact_rests;
ALTER TABLE orders VALIDATE CONSTRAINT orders_language_check;
ALTER TABLE orders VALIDATE CONSTRAINT orders_contact_lookup_check;
ALTER TABLE order_passengers VALIDATE CONSTRAINT order_passengers_person_id_fkey;
ALTER TABLE order_passengers VALIDATE CONSTRAINT order_passengers_rest;
ALTER TABLE order_passengers VALIDATE CONSTRAINT order_passengers_name_lookup_check;
-- Empty when it is made: no row has a hash yet.
CREATE INDEX orders_contact_lookup ON orders (contact_lookup) WHERE contact_lookup IS NOT NULL;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
