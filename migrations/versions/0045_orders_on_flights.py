"""Orders on changed flights are found by indexes: by segment of the timetable, and those that staff look through."""

from migrations.script import build_index

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    build_index("order_segments_segment_id", "order_segments (segment_id)")
    build_index("order_segments_affected", "order_segments (departs_at) WHERE status_code IN ('TK', 'UN')")
