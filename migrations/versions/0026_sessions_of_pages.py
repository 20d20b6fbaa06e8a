"""The cookie of a page names its session under a signature: no hash of it is kept. Persons of accounts are there."""

from migrations.script import run_sql

revision = "0026"
down_revision = "0025"

UPGRADE = """
ALTER TABLE sessions DROP COLUMN cookie_hash;
ALTER TABLE users ADD FOREIGN KEY (person_id) REFERENCES person_keys;
ALTER TABLE registrations ADD FOREIGN KEY (person_id) REFERENCES person_keys;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
