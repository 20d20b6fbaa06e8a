"""The command `ais-sandbox`: one subcommand for each stand-in."""

import argparse
import functools
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais_sandbox.lifetime import die_with_parent, run_until_signal
from ais_sandbox.storage import StorageInUseError

# A stand-in is imported when it is the one to run: the other's code would cost its process start time and memory.
if TYPE_CHECKING:
    from ais_sandbox.stripe.server import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0 after a stop, 1 when it could not run, 2 for wrong arguments."""
    parent = os.getppid()
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if options.die_with_parent:
        die_with_parent(parent)
    try:
        return _run_mailbox(options) if options.command == "mailbox" else _run_stripe(options)
    except StorageInUseError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run_mailbox(options: argparse.Namespace) -> int:
    from ais_sandbox.mailbox.server import Settings, serve

    settings = Settings(
        host=options.host,
        port=options.port,
        smtp_port=options.smtp_port,
        data_directory=options.data_dir,
        user=options.user,
        password=options.password,
        certificate=Path(options.certificate) if options.certificate else None,
        key=Path(options.key) if options.key else None,
        implicit_tls=options.implicit_tls,
    )
    _freeze()
    return run_until_signal(lambda stop: serve(settings, stop))


def _freeze() -> None:
    """What was made while starting stays for good; the collector need not look at it again."""
    gc.collect()
    gc.freeze()


def _run_stripe(options: argparse.Namespace) -> int:
    from ais_sandbox.stripe.server import serve

    settings = _stripe_settings(options)
    _freeze()
    return run_until_signal(lambda stop: serve(settings, stop))


def _stripe_settings(options: argparse.Namespace) -> "Settings":
    from ais_sandbox.stripe.server import Settings
    from ais_sandbox.stripe.switches import WebhookSwitches

    return Settings(
        host=options.host,
        port=options.port,
        data_directory=options.data_dir,
        api_key=options.api_key,
        webhook_secret=options.webhook_secret,
        webhook_url=options.webhook_url or None,
        webhooks=WebhookSwitches(
            seed=options.seed,
            retry_first_seconds=options.retry_first_seconds,
            retry_factor=options.retry_factor,
            retry_most_seconds=options.retry_most_seconds,
            retry_attempts=options.retry_attempts,
            timeout_seconds=options.webhook_timeout_seconds,
        ),
        settle_seconds=options.settle_seconds,
    )


def _parser() -> argparse.ArgumentParser:
    description = "Stand-ins for the outside world of an airline's program: real servers that speak the real protocols."
    parser = argparse.ArgumentParser(prog="ais-sandbox", description=description)
    commands = parser.add_subparsers(dest="command", required=True, metavar="STAND-IN")
    _add_stripe(commands.add_parser(
        "stripe",
        help="Stripe's payment API with test cards, signed webhooks, and faults on request",
        description="Serves Stripe's API over HTTP. Point an SDK's API base at it. Its own switches are under "
        "/_sandbox; GET /_sandbox shows their state. Options can also be given by the environment variables named.",
    ))  # fmt: skip
    _add_mailbox(commands.add_parser(
        "mailbox",
        help="a mail server that keeps what it is given, with a page to read it and faults on request",
        description="Takes mail by SMTP and sends nothing on. Its page lists what came; its JSON API and its switches "
        "are under /_sandbox. Options can also be given by the environment variables named.",
    ))  # fmt: skip
    return parser


def _add_mailbox(parser: argparse.ArgumentParser) -> None:
    add = functools.partial(_add, parser)
    add("--host", "AIS_MAILBOX_HOST", "127.0.0.1", "address to listen on")
    add("--port", "AIS_MAILBOX_PORT", 8025, "port of the pages and the API; 0 takes a free one and prints it", int)
    add("--smtp-port", "AIS_MAILBOX_SMTP_PORT", 1025, "port that takes mail; 0 takes a free one and prints it", int)
    add("--data-dir", "AIS_MAILBOX_DATA_DIR", ".ais/mailbox", "directory of its SQLite file", Path)
    add("--user", "AIS_MAILBOX_USER", "", "account that clients must log in with; empty for none")
    add("--password", "AIS_MAILBOX_PASSWORD", "", "its password")
    add("--certificate", "AIS_MAILBOX_CERTIFICATE", "", "PEM file of a certificate: STARTTLS is offered then")
    add("--key", "AIS_MAILBOX_KEY", "", "PEM file of its key, unless it stands in the same file")
    parser.add_argument("--implicit-tls", action="store_true", help="speak TLS from the first byte, not by STARTTLS")
    _add_die_with_parent(parser)


def _add_die_with_parent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--die-with-parent", action="store_true", help="end when the parent process ends, however it does"
    )


def _add(
    parser: argparse.ArgumentParser, flag: str, variable: str, default: str | float, help_: str, kind: type = str
) -> None:
    # The help shows the built-in default and never what the environment holds, which may be a secret.
    shown = f"{help_} [{variable}]" + (f" (default: {default})" if default != "" else "")
    value = os.environ.get(variable, default)
    parser.add_argument(flag, type=kind, default=value, help=shown, metavar=kind.__name__.upper())


def _add_stripe(parser: argparse.ArgumentParser) -> None:
    add = functools.partial(_add, parser)

    add("--host", "AIS_STRIPE_SIM_HOST", "127.0.0.1", "address to listen on")
    add("--port", "AIS_STRIPE_SIM_PORT", 12111, "port to listen on; 0 takes a free one and prints it", int)
    add("--data-dir", "AIS_STRIPE_SIM_DATA_DIR", ".ais/stripe", "directory of its SQLite file", Path)
    add("--api-key", "AIS_STRIPE_SECRET_KEY", "sk_test_ais_demo", "secret key; the publishable one begins with pk_")
    add("--webhook-secret", "AIS_STRIPE_WEBHOOK_SECRET", "whsec_ais_demo", "what signs webhooks; several by spaces")
    add("--webhook-url", "AIS_STRIPE_SIM_WEBHOOK_URL", "", "where webhooks are posted; empty for nowhere")
    add("--seed", "AIS_STRIPE_SIM_SEED", 0, "seed of whatever is left to chance", int)
    add("--settle-seconds", "AIS_STRIPE_SIM_SETTLE_SECONDS", 2.0, "how long processing and pending refunds last", float)
    add("--retry-first-seconds", "AIS_STRIPE_SIM_RETRY_FIRST_SECONDS", 1.0, "pause before the first retry", float)
    add("--retry-factor", "AIS_STRIPE_SIM_RETRY_FACTOR", 2.0, "by which each further pause grows", float)
    add("--retry-most-seconds", "AIS_STRIPE_SIM_RETRY_MOST_SECONDS", 300.0, "longest pause between retries", float)
    add("--retry-attempts", "AIS_STRIPE_SIM_RETRY_ATTEMPTS", 16, "attempts before a webhook is given up", int)
    add(
        "--webhook-timeout-seconds", "AIS_STRIPE_SIM_WEBHOOK_TIMEOUT_SECONDS", 10.0, "longest wait for an answer", float
    )
    _add_die_with_parent(parser)
