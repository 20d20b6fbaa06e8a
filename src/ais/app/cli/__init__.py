"""The command line, ``ais``: every command does one thing and says by its exit code how it went.

A command imports what it needs when it runs, so that help and completion come at once.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import click

from ais.app.cli.outcome import WRONG_USE
from ais.app.cli.output import Output

INTERRUPTED = 130

# By command: the module that holds it, and its line in the list of commands, so that the list imports none of them.
COMMANDS = {
    "demo": ("processes", "Run everything with a fictional airline."),
    "web": ("processes", "Run the web server."),
    "worker": ("processes", "Run jobs and schedules."),
    "migrate": ("processes", "Bring the database to the newest schema."),
    "verify": ("verify", "Check every promise about the stored data."),
    "schedule": (
        "schedule",
        "What is flown: import, export, show, cancel, equipment, affected, import-nycflights.",
    ),
    "flight": ("flight", "What happens to a flight and to its orders: cancel."),
    "departure": ("departure", "Who flew: close."),
    "fares": ("fares", "What it costs: import, show, withdraw, withdraw-tax."),
    "inventory": ("inventory", "What is left to sell: show, set-authorisation."),
    "search": ("search", "Find offers, and explain their prices."),
    "order": ("orders", "What was sold: show, list, cancel, void, release."),
    "tickets": ("tickets", "Where ticket numbers come from: add-range, ranges."),
    "ledger": (
        "ledger",
        "Books: balances, trial-balance, daily-sales, unflown, postings, verify, export, chain, rules.",
    ),
    "staff": ("staff", "What a person must look at: list, resolve."),
    "agency": ("money", "Agencies: create, list, top-up, set-limit, statement, pay."),
    "cash": ("money", "Cash over a counter: add-office, open, shifts, pay, pay-out, close, write-off."),
    "credit": ("money", "Travel credit: show."),
    "refunds": ("refunds", "Money on its way back: list, retry."),
    "disputes": ("disputes", "What payers dispute at their banks: list."),
    "webhooks": ("webhooks", "What payment providers told us: list, show, replay."),
    "reconcile": ("reconcile", "Compare the books with the payment provider's own lists."),
    "notices": ("notices", "What people were told by mail: list, retry."),
    "accounts": ("accounts", "Who can sign in: create, list, lock, unlock, reset."),
    "audit": ("audit", "Who did what: search, verify, export, chain."),
    "privacy": ("privacy", "Personal data: status, rotate-keys, rotate-lookups, drop-lookup-key, seal, export, erase."),
    "roles": ("roles", "Who may do what: show, of, grant, revoke, approvals."),
    "jobs": ("jobs", "Work in the background: list, show, retry, schedules."),
}


class Ais(click.Group):
    """The group of all commands, each imported when it is named; turns what goes wrong into a sentence and a code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's shape
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's shape
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ais.app.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's shape
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.FileError as error:
            # A file that cannot be written is named as wrongly as one that cannot be read.
            ctx.obj.note(f"Error: {error.format_message()}")
            ctx.exit(WRONG_USE)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except KeyboardInterrupt:
            ctx.obj.note("Interrupted; what was not finished was not kept.")
            ctx.exit(INTERRUPTED)
        except Exception as error:  # every failure becomes a sentence and a code here, or goes on as it is
            from ais.app.cli.failures import failure_of

            failure = failure_of(error)
            if failure is None:
                raise
            ctx.obj.failure(failure)
            ctx.exit(failure.exit_code)


@click.command(
    cls=Ais,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""
\b
Exit codes:
  0    fine
  1    the thing asked about is not so: a promise is broken, a file is refused, nothing is found
  2    wrong use or wrong settings
  3    a server is not there
  130  interrupted by Ctrl-C

Tables and --json go to standard output, progress and notes to standard error. Commands work with the database of
DATABASE_URL; where it is not set, with that of a demo that runs on the data folder (AIS_DATA_DIR, .ais by default), or
with one that is started for the time of the command.
""",
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(),
    help="A TOML file of settings; the environment wins over it. Also AIS_CONFIG.",
)
@click.version_option(package_name="ais", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, config: str | None) -> None:
    """An open passenger service system: schedule, seats, fares, orders, payments, tickets."""
    if config is not None:
        # Web processes read the settings by themselves, from the environment they are given.
        os.environ["AIS_CONFIG"] = config
    ctx.obj = Output()
