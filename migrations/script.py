"""What revisions share: running plain SQL under the migration's limits, and building an index beside the sale."""

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


def build_index(name: str, on: str) -> None:
    """Build the index ``name`` on ``on``, a table with columns and what else belongs to it, while others write there.

    It is no part of a transaction: a revision that builds indexes does nothing else, and one that broke off is run
    again, which drops what it left and starts anew. It waits for those who were writing when it came, for an hour at
    most; nobody waits for it.
    """
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.exec_driver_sql("SET lock_timeout = '1h'")
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE INDEX CONCURRENTLY {name} ON {on}")
        connection.exec_driver_sql("RESET lock_timeout")
