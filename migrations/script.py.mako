"""${message}"""

from migrations.script import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

# Forward only. A revision works beside the release that runs: expand, move in batches, contract in a later release.
UPGRADE = """
"""


def upgrade() -> None:
    run_sql(UPGRADE)
