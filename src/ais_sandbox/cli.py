"""The command `ais-sandbox`: one subcommand for each stand-in."""

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ais_sandbox.lifetime import die_with_parent, run_until_signal
from ais_sandbox.storage import StorageInUseError
from ais_sandbox.stripe.server import Settings, serve
from ais_sandbox.stripe.switches import WebhookSwitches


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0 after a stop, 1 when it could not run, 2 for wrong arguments."""
    parent = os.getppid()
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if options.die_with_parent:
        die_with_parent(parent)
    try:
        return _run_stripe(options)
    except StorageInUseError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run_stripe(options: argparse.Namespace) -> int:
    settings = _stripe_settings(options)
    # What was made while starting stays for good; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    return run_until_signal(lambda stop: serve(settings, stop))


def _stripe_settings(options: argparse.Namespace) -> Settings:
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
    return parser


def _add_stripe(parser: argparse.ArgumentParser) -> None:
    def add(flag: str, variable: str, default: str | float, help_: str, kind: type = str) -> None:
        # The help shows the built-in default and never what the environment holds, which may be a secret.
        shown = f"{help_} [{variable}]" + (f" (default: {default})" if default != "" else "")
        value = os.environ.get(variable, default)
        parser.add_argument(flag, type=kind, default=value, help=shown, metavar=kind.__name__.upper())

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
    parser.add_argument(
        "--die-with-parent", action="store_true", help="end when the parent process ends, however it does"
    )
