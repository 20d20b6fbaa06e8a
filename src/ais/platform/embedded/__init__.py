"""Embedded PostgreSQL 18 and Valkey, and supervision of the program's own processes.

Running a program with its servers (a stop signal at any moment ends everything)::

    with StopSignals() as stop, Supervisor(stop=stop, report=print, folder=data_dir) as supervisor:
        with EmbeddedServers(data_dir, supervisor=supervisor, report=print) as servers:
            env = {**os.environ, "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
            code = supervisor.run([ChildSpec("web", [...], env=env, ready=...), ChildSpec("worker", [...], env=env)])

Enter `StopSignals` before anything slow is imported. `database_url=` and `redis_url=` given to `EmbeddedServers` are
used instead of a server of our own. Every failure is an `EmbeddedServerError` whose text is one sentence.

Tests share one server per run and get a database each (`run_dir` is common to the xdist workers of the run)::

    with SharedServers(run_dir) as servers:  # session fixture, once per process
        name = servers.template("ais_template", migrate)  # migrate(url: str), once per run
        with servers.database(name) as url:
            ...  # function fixture: a database of its own
        redis_url = servers.cache_url()  # an empty Valkey database

A server of one's own, to kill or restart: `with servers.private_postgres() as server:`, then `server.url()`,
`server.pid` (killed, it is started again on the same port), `server.stop()`, `server.start()`.
"""

from ais.platform.embedded.cluster import check_server_version
from ais.platform.embedded.errors import (
    ChildFailedError,
    EmbeddedServerError,
    FolderInUseError,
    PortInUseError,
    ServerTooOldError,
)
from ais.platform.embedded.placement import installed_programs as postgres_programs
from ais.platform.embedded.ports import free_port
from ais.platform.embedded.postgres import EmbeddedPostgres
from ais.platform.embedded.processes import die_with_parent
from ais.platform.embedded.servers import EmbeddedServers
from ais.platform.embedded.shared_server import SharedServers
from ais.platform.embedded.stop_signals import StopRequested, StopSignals
from ais.platform.embedded.supervisor import Child, ChildSpec, Supervisor
from ais.platform.embedded.template import copied_cluster, template_cluster
from ais.platform.embedded.valkey import EmbeddedValkey

__all__ = [
    "Child",
    "ChildFailedError",
    "ChildSpec",
    "EmbeddedPostgres",
    "EmbeddedServerError",
    "EmbeddedServers",
    "EmbeddedValkey",
    "FolderInUseError",
    "PortInUseError",
    "ServerTooOldError",
    "SharedServers",
    "StopRequested",
    "StopSignals",
    "Supervisor",
    "check_server_version",
    "copied_cluster",
    "die_with_parent",
    "free_port",
    "postgres_programs",
    "template_cluster",
]
