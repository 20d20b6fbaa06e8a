"""``ais demo``: the whole program on embedded servers, with a fictional airline and a story, in one command.

This process only supervises: it starts the servers, loads the airline by a program that ends, then runs the payment
simulator, the worker and the web server, tells the story, and waits for a signal that ends everything.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import msgspec

from ais.app.demo_state import is_loaded
from ais.app.servers import STRIPE, announced
from ais.platform.embedded import (
    Child,
    ChildSpec,
    EmbeddedServerError,
    EmbeddedServers,
    StopSignals,
    Supervisor,
    free_port,
)
from ais.platform.setting_sources import environment_name
from ais.platform.settings import Settings

BRIEF_HOLD_MINUTES = 2 / 60
LOADING_SECONDS_MAX = 600.0
READY_SECONDS_MAX = 120.0
DEMO_LIMIT = "100000/1m"
DEMO_MAIL_FROM = "booking@rimal-air.example"


def run_demo(settings: Settings) -> int:
    """Run until a stop signal (0), or until a part cannot be kept running or the story fails (1)."""
    began = time.monotonic()
    with StopSignals() as stop, Supervisor(stop=stop, report=_say, folder=settings.data_dir) as supervisor:
        _require_free_ports(settings)
        _say(f"Data lies in {settings.data_dir.resolve()}.")
        with EmbeddedServers(
            settings.data_dir,
            database_url=settings.database_url,
            redis_url=settings.redis_url,
            supervisor=supervisor,
            report=_say,
        ) as servers:
            settings = msgspec.structs.replace(settings, database_url=servers.database_url, redis_url=servers.redis_url)
            return _serve(settings, supervisor, began)


def _serve(settings: Settings, supervisor: Supervisor, began: float) -> int:
    simulated = settings.stripe_api_base == STRIPE
    provider_url = f"http://127.0.0.1:{settings.stripe_sim_port}" if simulated else settings.stripe_api_base
    mailbox_ports = (free_port(), free_port()) if settings.smtp_url is None else None
    environment = _environment(settings, provider_url, mailbox_ports)
    logs = settings.data_dir / "logs"
    logs.mkdir(exist_ok=True)
    if not _load(settings, supervisor, environment):
        return 1
    brief_port = free_port()
    web = _web(environment, logs, "web")
    brief = _web({**environment, **_brief(brief_port)}, logs, "web-brief")
    with announced(msgspec.structs.replace(settings, stripe_api_base=provider_url)):
        _say("Starting web and worker.")
        if simulated:
            supervisor.start(_simulator(settings, environment, logs))
        web_child = supervisor.start(web)
        supervisor.start(_worker(environment, logs))
        _await(supervisor, web_child, f"http://127.0.0.1:{settings.port}/health/ready")
        _say(f"Ready on http://127.0.0.1:{settings.port} after {time.monotonic() - began:.1f} s.")
        # Needed by the second half of the story only, which waits for it.
        brief_child = supervisor.start(brief)
        if mailbox_ports is not None:
            supervisor.start(_mailbox(settings, mailbox_ports, environment, logs))
        story, _ = supervisor.run_to_end(
            [sys.executable, "-m", "ais.app.story"],
            what="The story",
            env={
                **environment,
                "AIS_STORY_URL": f"http://127.0.0.1:{settings.port}",
                "AIS_STORY_BRIEF_URL": f"http://127.0.0.1:{brief_port}",
            },
            shown=True,
        )
        supervisor.stop([brief_child])
        if story != 0:
            _say(f"The story failed; the logs are in {logs}.")
            return 1
        _say(f"Told after {time.monotonic() - began:.1f} s.")
        _say(f"The shop:       http://127.0.0.1:{settings.port}/ (in Arabic and English, to book and pay)")
        _say(f"The program:    http://127.0.0.1:{settings.port}/schema/swagger (its API, to try out)")
        _say(f"The payments:   {provider_url}")
        if mailbox_ports is not None:
            _say(f"The mail:       http://127.0.0.1:{mailbox_ports[0]}")
        _say(f"The logs:       {logs}")
        _say("Ctrl-C ends everything.")
        return supervisor.watch()


def _load(settings: Settings, supervisor: Supervisor, environment: dict[str, str]) -> bool:
    """Bring schema and airline up to date by a program of their own, unless they are."""
    if is_loaded(settings.database_url or "", settings.sale_days, settings.clock.now()):
        return True
    _say("Bringing the schema and the airline up to date.")
    code, _ = supervisor.run_to_end(
        [sys.executable, "-m", "ais.app.demo_load"],
        what="Loading the airline",
        env=environment,
        within_seconds=LOADING_SECONDS_MAX,
        shown=True,
    )
    return code == 0


def _await(supervisor: Supervisor, child: Child, url: str) -> None:
    answers = _answers(url)
    ready = supervisor.wait_until(
        lambda: child.failed or answers(), within_seconds=READY_SECONDS_MAX, what=f"Starting {child.spec.name}"
    )
    if not ready or child.failed:
        raise EmbeddedServerError(f"{child.spec.name} did not start; its log is {child.spec.output}.")


def _environment(settings: Settings, provider_url: str, mailbox_ports: tuple[int, int] | None) -> dict[str, str]:
    """What the parts of the program are started with; ``mailbox_ports`` are the page's and the mail server's."""
    mail = {}
    if mailbox_ports is not None:
        mail = {
            "AIS_SMTP_URL": f"smtp://127.0.0.1:{mailbox_ports[1]}",
            "AIS_MAIL_FROM": settings.mail_from or DEMO_MAIL_FROM,
        }
    return {
        **_limits(settings),
        # Its staff sign in with the published password alone.
        "AIS_STAFF_SECOND_FACTOR": "optional",
        **os.environ,
        **mail,
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "STRIPE_API_BASE": provider_url,
        # Whoever opens the shop as localhost comes back to it under that name, where its cookie is.
        "AIS_RETURN_HOSTS": settings.return_hosts or "localhost",
        "AIS_DATA_DIR": str(settings.data_dir.resolve()),
        "AIS_STRIPE_SECRET_KEY": settings.stripe_secret_key,
        "AIS_STRIPE_WEBHOOK_SECRET": settings.stripe_webhook_secret,
    }


def _limits(settings: Settings) -> dict[str, str]:
    """Wide limits for what load tools do to a demonstration, unless others are set; guessing is limited as ever."""
    default = Settings()
    return {
        environment_name(name): DEMO_LIMIT
        for name in ("limit_search", "limit_order", "limit_default")
        if getattr(settings, name) == getattr(default, name)
    }


def _brief(port: int) -> dict[str, str]:
    """A second web process whose holds last two seconds, for the story alone."""
    return {"AIS_PORT": str(port), "AIS_HOLD_MINUTES": f"{BRIEF_HOLD_MINUTES:.4f}", "AIS_WEB_PROCESSES": "1"}


def _simulator(settings: Settings, environment: dict[str, str], logs: Path) -> ChildSpec:
    return ChildSpec(
        "stripe-simulator",
        [
            sys.executable,
            "-m",
            "ais_sandbox",
            "stripe",
            "--port",
            str(settings.stripe_sim_port),
            "--data-dir",
            str(settings.data_dir / "stripe"),
            "--webhook-url",
            f"http://127.0.0.1:{settings.port}/webhooks/stripe",
            "--die-with-parent",
        ],
        env=environment,
        output=logs / "stripe-simulator.log",
    )


def _mailbox(settings: Settings, ports: tuple[int, int], environment: dict[str, str], logs: Path) -> ChildSpec:
    page, smtp = map(str, ports)
    return ChildSpec(
        "mailbox",
        [
            *(sys.executable, "-m", "ais_sandbox", "mailbox"),
            *("--port", page, "--smtp-port", smtp),
            *("--data-dir", str(settings.data_dir / "mailbox"), "--die-with-parent"),
        ],
        env=environment,
        output=logs / "mailbox.log",
    )


def _web(environment: dict[str, str], logs: Path, name: str) -> ChildSpec:
    return ChildSpec(
        name,
        [sys.executable, "-m", "ais.app.cli", "web"],
        env=environment,
        output=logs / f"{name}.log",
        death_signal=signal.SIGKILL,
    )


def _worker(environment: dict[str, str], logs: Path) -> ChildSpec:
    return ChildSpec(
        "worker", [sys.executable, "-m", "ais.app.cli", "worker"], env=environment, output=logs / "worker.log"
    )


def _answers(url: str) -> Callable[[], bool]:
    """A probe: whether the address answers at all, with anything but trouble of its own."""

    def probe() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=1.0) as response:  # noqa: S310  # an address of our own
                return bool(response.status < 500)
        except urllib.error.HTTPError as refused:
            return refused.code < 500
        except OSError:
            return False

    return probe


def _require_free_ports(settings: Settings) -> None:
    for port, variable in ((settings.port, "AIS_PORT"), (settings.stripe_sim_port, "AIS_STRIPE_SIM_PORT")):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise EmbeddedServerError(
                    f"Port {port} on 127.0.0.1 is in use; end what uses it or set {variable} to another one."
                ) from None


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.stderr.flush()
