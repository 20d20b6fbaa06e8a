"""Orders on changed flights are found by indexes: by segment of the timetable, and those that staff look through."""

from migrations.script import run_sql

revision = "0045"
down_revision = "0044"

UPGRADE = """
CREATE INDEX order_segments_segment_id ON order_segments (segment_id);
CREATE INDEX order_segments_affected ON order_segments (departs_at) WHERE status_code IN ('TK', 'UN');
"""


def upgrade() -> None:
    run_sql(UPGRADE)
