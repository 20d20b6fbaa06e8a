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
    granting = ("roles", "grant", "noura@rimal.example", "finance", "--station", "JED", "--reason", "closes the till")
    assert ais(*granting).stdout == "noura@rimal.example is finance now.\n"
    assert "has the role already" in ais(*granting, code=1).stderr
    finance, ops = ais.json("roles", "of", "noura@rimal.example")["roles"][::-1]
    assert (ops["role"], finance["role"], finance["stations"], finance["channels"]) == ("ops", "finance", "JED", "all")
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
    granting = ("ops", "--reason", "helps out")
    assert "no such account" in ais("roles", "grant", "nobody@rimal.example", *granting, code=1).stderr
    ais("accounts", "create", "b@rimal.example", "--kind", "traveller", "--password-file", "-", stdin=PASSWORD)
    assert "cannot be given one" in ais("roles", "grant", "b@rimal.example", *granting, code=1).stderr
    assert "has no role" in ais("roles", "of", "b@rimal.example").stdout


def test_once_two_could_sign_a_role_waits_for_one_of_them(ais: CommandLine):
    for name in ("one", "two"):
        made = ("accounts", "create", f"{name}@rimal.example", "--role", "admin", "--password-file", "-")
        assert ais.json(*made, stdin=PASSWORD)["roles"] == ["admin"]
    made = ("accounts", "create", "three@rimal.example", "--role", "ops", "--password-file", "-")
    assert ais.json(*made, stdin=PASSWORD)["waiting"] == ["ops"]
    waits = ais("roles", "revoke", "two@rimal.example", "admin", "--reason", "leaves")
    assert "waits for a second person" in waits.stdout
    assert [each["role"] for each in ais.json("roles", "of", "two@rimal.example")["roles"]] == ["admin"]
    kinds = [each["kind"] for each in ais.json("roles", "approvals")["approvals"]]
    assert kinds == ["role_revocation", "role_grant"]
    assert "flights.cancel" in ais.json("roles", "show", "ops")["roles"]["ops"]
