"""The commands that run the program itself, and the one that prepares its database."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ais.app.cli.outcome import OK, ServerAway, address, end
from ais.app.cli.output import Output, json_option

if TYPE_CHECKING:
    from ais.platform.settings import Settings

PARENT = "AIS_WEB_SERVER_PID"
WEB_APPLICATION = "ais.app.cli.web_worker:create_application"
_PATIENCE_SECONDS = 5.0
# Who sends a header a letter at a time holds a connection for no longer; the body counts to the request's own time.
_HEADERS_WITHIN_MILLISECONDS = 10_000


@click.command()
def demo() -> None:
    """Run everything with a fictional airline.

    Starts PostgreSQL, Valkey, a payment simulator, a worker and a web server, loads the airline Rimal Air, tells one
    story from search to ticket over HTTP, and keeps serving until Ctrl-C.
    """
    from ais.app.demo import run_demo
    from ais.platform.settings import load_settings

    settings = load_settings()
    _require_servers(settings)
    end(run_demo(settings))


@click.command()
@click.option("--host", help="Address to listen on. Also AIS_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. Also AIS_PORT.")
@click.option("--processes", type=click.IntRange(1, 64), help="Web processes. Also AIS_WEB_PROCESSES.")
@click.pass_obj
def web(output: Output, host: str | None, port: int | None, processes: int | None) -> None:
    """Run the web server until SIGTERM or Ctrl-C.

    Servers that are not set (DATABASE_URL, REDIS_URL) run with it, in the data folder.
    """
    for name, value in (("AIS_HOST", host), ("AIS_PORT", port), ("AIS_WEB_PROCESSES", processes)):
        if value is not None:
            os.environ[name] = str(value)
    _run_with_servers(output, "web", _serve_web)


@click.command()
@click.pass_obj
def worker(output: Output) -> None:
    """Run jobs and schedules until SIGTERM or Ctrl-C.

    What runs then is finished, or goes back to the queue. Servers that are not set run with it, in the data folder.
    """
    _run_with_servers(output, "worker", _serve_jobs)


@click.command()
@click.option("--grant-to", "role", metavar="ROLE", help="Let this role do what the program does, and nothing else.")
@json_option
@click.pass_obj
def migrate(output: Output, role: str | None) -> None:
    """Bring the database to the newest schema; nothing to do is fine.

    With --grant-to the program runs as another role than the one that owns the tables: it can then neither change them
    nor switch off what protects them. Say it with each migration. Exit code 1 for a role that could help itself to
    more.
    """
    import asyncio

    from ais.app.cli.edge import database_for, require_database
    from ais.platform.database_role import grant_to_role
    from ais.platform.migration import migrate as bring_up
    from ais.platform.migration import newest_revision
    from ais.platform.settings import load_settings

    with database_for(output, load_settings()) as settings:
        assert settings.database_url is not None
        require_database(settings)
        with output.waiting("Migrating the database"):
            bring_up(settings.database_url)
        revision = newest_revision()
        granted = asyncio.run(grant_to_role(settings.database_url, role)) if role is not None else None
        output.document({"revision": revision} if granted is None else {"revision": revision, "granted": granted})
        output.say(f"The database is at revision {revision}.")
        if granted is not None:
            output.say(
                f"{granted.role} may read {granted.read} tables, read and add to {granted.append} others,"
                f" and change rows of {granted.change}."
            )


def _run_with_servers(output: Output, name: str, serve: Callable[[Output], None]) -> None:
    """Serve in this process if both servers are there, else beside servers that run as long as it does."""
    from ais.platform.settings import load_settings

    settings = load_settings()
    _require_servers(settings)
    if settings.database_url and settings.redis_url:
        serve(output)
        return
    # Not imported above: a process that has its servers needs none of what starts them.
    from ais.app.servers import provider_of, running_servers

    running = running_servers(settings.data_dir)
    if running is None:
        _supervise(output, name)
    else:
        os.environ.setdefault("DATABASE_URL", running.database_url)
        os.environ.setdefault("REDIS_URL", running.redis_url)
        os.environ["STRIPE_API_BASE"] = provider_of(settings, running)
        serve(output)


def _require_servers(settings: Settings) -> None:
    """Raise :class:`ServerAway` for a server that is set and is not there, before anything starts beside it."""
    if settings.database_url:
        _require_answer(settings.database_url, "database", 5432)
    if settings.redis_url:
        _require_answer(settings.redis_url, "cache", 6379)


def _require_answer(url: str, what: str, usual_port: int) -> None:
    """Raise :class:`ServerAway` unless something listens where the server should be."""
    parts = urlsplit(url)
    if not parts.hostname:
        return
    try:
        socket.create_connection((parts.hostname, parts.port or usual_port), timeout=_PATIENCE_SECONDS).close()
    except OSError as error:
        raise ServerAway(f"The {what} at {address(url)} does not answer: {error.strerror or error}.") from error


def _require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerAway(
                f"Port {port} on {host} cannot be used ({error.strerror}); end what uses it, or set AIS_PORT."
            ) from error


def _supervise(output: Output, name: str) -> None:
    import msgspec

    from ais.app.servers import announced
    from ais.platform.embedded import ChildSpec, EmbeddedServers, StopSignals, Supervisor
    from ais.platform.migration import migrate as bring_up
    from ais.platform.settings import load_settings

    settings = load_settings()
    with (
        StopSignals() as stop,
        Supervisor(stop=stop, report=output.note, folder=settings.data_dir) as supervisor,
        EmbeddedServers(
            settings.data_dir,
            database_url=settings.database_url,
            redis_url=settings.redis_url,
            supervisor=supervisor,
            report=output.note,
        ) as servers,
    ):
        if settings.database_url is None:
            bring_up(servers.database_url)
        urls = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        settings = msgspec.structs.replace(settings, database_url=servers.database_url, redis_url=servers.redis_url)
        with announced(settings):
            child = ChildSpec(
                name,
                [sys.executable, "-m", "ais.app.cli", name],
                env={**os.environ, **urls},
                death_signal=signal.SIGKILL if name == "web" else signal.SIGTERM,
            )
            end(supervisor.run([child]))


def _serve_jobs(_output: Output) -> None:
    import asyncio

    from ais.app.worker import serve
    from ais.platform.settings import load_settings

    asyncio.run(serve(load_settings()))


def _serve_web(output: Output) -> None:
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from ais.platform.settings import load_settings

    settings = load_settings()
    _require_free_port(settings.host, settings.port)
    os.environ[PARENT] = str(os.getpid())
    output.note(f"Serving on http://{settings.host}:{settings.port}.")
    server = Granian(
        target=WEB_APPLICATION,
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        workers=settings.web_processes,
        loop=Loops.uvloop,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WITHIN_MILLISECONDS),
    )
    server.serve()
    end(OK)
