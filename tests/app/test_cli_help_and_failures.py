"""What a script relies on: help that comes at once, exit codes, sentences instead of traces, no password shown."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.factories.command_line import CommandLine

from ais.app.cli import COMMANDS, main
from ais.app.progress_bar import progress_bar
from ais.platform.migration import newest_revision

NOWHERE = "postgresql://somebody:hidden@127.0.0.1:1/nothing"


def test_help_names_every_command_and_every_exit_code():
    result = CliRunner().invoke(main, ["--help"], terminal_width=110)
    assert result.exit_code == 0
    for name, (_, line) in COMMANDS.items():
        assert f"{name} " in result.stdout
        assert line in result.stdout
    for line in ("0    fine", "1    the thing asked about is not so", "2    wrong use", "3    a server is not there"):
        assert line in result.stdout


def test_help_imports_nothing_that_takes_time():
    heavy = ["asyncpg", "litestar", "sqlalchemy", "alembic", "stripe", "rich", "msgspec", "granian", "ais.platform"]
    program = (
        "import sys\n"
        "from ais.app.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_that_says_what_it_does(name):
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    command = main.get_command(click.Context(main), name)
    assert command.help
    if isinstance(command, click.Group):
        listed = COMMANDS[name][1].split(": ")[1].rstrip(".").split(", ")
        assert sorted(listed) == sorted(command.commands)
        for member in command.commands:
            shown = CliRunner().invoke(main, [name, member, "--help"])
            assert shown.exit_code == 0
            assert "--json" in shown.stdout


def test_all_wrong_settings_are_listed_with_code_two():
    environment = {"AIS_PORT": "99999", "AIS_HOLD_MINUTES": "soon", "DATABASE_URL": NOWHERE}
    result = CliRunner().invoke(main, ["verify"], env=environment)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "The settings are not valid:\n"
        "  - AIS_HOLD_MINUTES is 'soon': Expected `float`, got `str`.\n"
        "  - AIS_PORT is 99999: it must lie between 1 and 65535.\n"
    )


@pytest.mark.parametrize("command", [["verify"], ["jobs", "list"], ["migrate"], ["order", "show", "ABCDEF"]])
def test_a_database_that_is_not_there_is_one_sentence_with_code_three(command):
    result = CliRunner().invoke(main, command, env={"DATABASE_URL": NOWHERE})
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.startswith("The database at 127.0.0.1:1/nothing cannot be used: ")
    assert result.stderr.count("\n") == 1
    assert "hidden" not in result.output


@pytest.mark.parametrize("command", ["demo", "web", "worker"])
@pytest.mark.parametrize(
    ("away", "named"),
    [
        ({"DATABASE_URL": NOWHERE, "REDIS_URL": "redis://127.0.0.1:1/0"}, "database at 127.0.0.1:1/nothing"),
        ({"DATABASE_URL": NOWHERE, "REDIS_URL": None}, "database at 127.0.0.1:1/nothing"),
        ({"DATABASE_URL": None, "REDIS_URL": "redis://127.0.0.1:1/0"}, "cache at 127.0.0.1:1/0"),
    ],
)
def test_a_process_whose_servers_are_not_there_says_so_and_starts_nothing(command, away, named, tmp_path: Path):
    result = CliRunner().invoke(main, [command], env={**away, "AIS_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 3
    assert result.stderr == f"The {named} does not answer: Connection refused.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_one_document_with_json():
    result = CliRunner().invoke(main, ["verify", "--json"], env={"DATABASE_URL": NOWHERE})
    assert result.exit_code == 3
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "SERVER_NOT_THERE"
    assert error["message"] == result.stderr.rstrip("\n")


def test_a_database_without_tables_asks_for_migration(servers, tmp_path: Path):
    with servers.database() as url:
        ais = CommandLine(url, tmp_path)
        assert "run `ais migrate`" in ais("verify", code=3).stderr
        assert ais.json("migrate") == {"revision": newest_revision()}
        assert ais.json("migrate") == {"revision": newest_revision()}
        assert ais("verify").stdout.rstrip().endswith("promises hold.")


@pytest.mark.parametrize(
    "command",
    [
        ["fly"],
        ["jobs", "retry"],
        ["jobs", "retry", "1", "--all"],
        ["schedule", "show", "nine"],
        ["schedule", "import", "/nowhere/file.ssim"],
        ["inventory", "show", "9Z101", "tomorrow"],
        ["search", "RUH", "JED"],
        ["fares", "show", "RUH", "JED", "CAI"],
        ["schedule", "import-nycflights"],
        ["schedule", "cancel", "9Z101", "2027-03-28"],
        ["schedule", "equipment", "9Z101", "2027-03-28", "AT7", "Y70", "--leg", "Riyadh", "--reason", "repair"],
        ["fares", "withdraw", "1"],
        ["fares", "withdraw-tax", "1", "--reason", "  "],
        ["inventory", "set-authorisation", "9Z101", "2027-03-28", "Y", "--reason", "nothing said"],
        ["inventory", "set-authorisation", "9Z101", "2027-03-28", "Y", "--limits", "few", "--reason", "weight"],
        ["staff", "resolve", "refund_failed"],
        ["tickets", "add-range", "9Z", "991", "1", "99999999999"],
    ],
)
def test_wrong_use_has_code_two_and_touches_no_server(command):
    result = CliRunner().invoke(main, command, env={"DATABASE_URL": NOWHERE})
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


def test_an_interrupted_command_ends_without_a_trace(monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("ais.app.cli.jobs.with_database", interrupted)
    result = CliRunner().invoke(main, ["jobs", "list"], env={"DATABASE_URL": NOWHERE})
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "Interrupted; what was not finished was not kept.\n"


def test_a_bar_writes_nothing_where_nobody_looks_at_a_terminal():
    written = StringIO()
    with progress_bar(Console(file=written), "Loading") as progress:
        progress(1, 2)
    assert written.getvalue() == ""
