"""What revisions share: running plain SQL under the migration's limits."""

from __future__ import annotations

from alembic import op
from sqlalchemy.util import await_only


def run_sql(statements: str) -> None:
    """Run one or several SQL statements in the revision's transaction, waiting at most five seconds for any lock.

    A revision that cannot get its lock fails and changes nothing, so that it never queues up in front of a live
    system's own statements.
    """
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
    driver = connection.connection.driver_connection
    await_only(driver.execute(statements))
