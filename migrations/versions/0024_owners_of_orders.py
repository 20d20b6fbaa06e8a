"""Whose orders: the traveller's account, and lists of a traveller's and of an agency's orders that need no search."""

from migrations.script import run_sql

revision = "0024"
down_revision = "0023"

UPGRADE = """
ALTER TABLE orders ADD COLUMN owner_user_id uuid;
ALTER TABLE orders ADD CONSTRAINT orders_owner_user_id_fkey FOREIGN KEY (owner_user_id) REFERENCES users NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_owner_user_id_fkey;
CREATE INDEX orders_of_owner ON orders (owner_user_id, created_at DESC, id DESC) WHERE owner_user_id IS NOT NULL;
CREATE INDEX orders_of_seller ON orders (seller_id, created_at DESC, id DESC) WHERE seller_id IS NOT NULL;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
