"""``ais accounts``: the first people of an installation, and what whoever runs it can do for them."""

from __future__ import annotations

from tests.factories.command_line import CommandLine

PASSWORD = "Palms-over-44-dunes\n"


def test_an_account_is_made_listed_granted_locked_and_begun_anew(ais: CommandLine):
    assert ais("accounts", "list").stdout == "There are no accounts.\n"
    made = ais("accounts", "create", "noura@rimal.example", "--role", "ops", "--password-file", "-", stdin=PASSWORD)
    assert made.stdout.endswith("may sign in as noura@rimal.example.\n")
    again = ais("accounts", "create", "Noura@rimal.example", "--password-file", "-", stdin=PASSWORD, code=1)
    assert "There is an account with this address already." in again.stderr
    assert "granted" not in ais("accounts", "grant", "noura@rimal.example", "finance").stderr
    assert "is finance already" in ais("accounts", "grant", "noura@rimal.example", "finance", code=1).stderr
    (account,) = ais.json("accounts", "list")["accounts"]
    assert (account["email"], account["kind"], account["status"]) == ("noura@rimal.example", "staff", "active")
    assert (account["roles"], account["second_factor"]) == (["finance", "ops"], False)
    ais("accounts", "lock", "noura@rimal.example")
    assert "is locked already" in ais("accounts", "lock", "noura@rimal.example", code=1).stderr
    assert ais.json("accounts", "list", "--kind", "staff")["accounts"][0]["status"] == "locked"
    ais("accounts", "unlock", "noura@rimal.example")
    assert "A link for a new password" in ais("accounts", "reset", "noura@rimal.example").stdout


def test_what_cannot_be_is_refused(ais: CommandLine):
    weak = ais("accounts", "create", "a@rimal.example", "--password-file", "-", stdin="password1\n", code=2)
    assert "needs at least 10 characters" in weak.stdout
    assert "no such account" in ais("accounts", "grant", "nobody@rimal.example", "ops", code=1).stderr
    ais("accounts", "create", "b@rimal.example", "--kind", "traveller", "--password-file", "-", stdin=PASSWORD)
    assert ais("accounts", "grant", "b@rimal.example", "ops", code=2).stderr
