"""The rule of notices about accounts holds for those from before too; a user's past sessions are found by an index."""

from migrations.script import run_sql

revision = "0037"
down_revision = "0036"

UPGRADE = """
ALTER TABLE notices VALIDATE CONSTRAINT notices_about;
-- A sign-in is compared with those before it, also with sessions that have ended.
CREATE INDEX sessions_with_origin ON sessions (user_id, id) WHERE origin_sealed IS NOT NULL;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
