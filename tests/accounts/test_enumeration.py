"""Nobody learns who has an account: not by the answer, and not by the work that stands behind it."""

from __future__ import annotations

import re
from contextlib import contextmanager

import asyncpg
import pytest
from tests.factories.accounts import OTHER_PASSWORD, PASSWORD, make_person, new_email

TABLES = re.compile(r"\b(users|registrations|one_time_links|sign_in_tries|person_keys|sessions)\b")


@contextmanager
def counted_hashes(program, monkeypatch):
    """How often a password is hashed or verified."""
    passwords = program.state.account_services.passwords
    seen = []
    away = type(passwords)._away

    async def counting(self, work):
        seen.append(work)
        return await away(self, work)

    with monkeypatch.context() as patch:
        patch.setattr(type(passwords), "_away", counting)
        yield seen


@contextmanager
def watched(monkeypatch):
    """The statements on accounts that are run, in order; the program's own regular work is left out."""
    statements = []
    execute = asyncpg.Connection._execute

    async def noting(self, query, *arguments, **more):
        if TABLES.search(query):
            statements.append(" ".join(query.split()))
        return await execute(self, query, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(asyncpg.Connection, "_execute", noting)
        yield statements


async def work_of(program, monkeypatch, path, body):
    """What answering costs: the answer, the hashes, the statements."""
    with watched(monkeypatch) as statements, counted_hashes(program, monkeypatch) as hashes:
        answer = await program.http.post(f"/api/v1/auth/{path}", json=body)
    assert statements
    return answer.status_code, answer.headers.get("content-length"), len(hashes), statements


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("login", {"password": OTHER_PASSWORD}),
        ("register", {"password": PASSWORD}),
        ("password-resets", {}),
    ],
)
async def test_the_same_work_is_done_whether_there_is_an_account_or_not(program, monkeypatch, path, more):
    person, nobody = await make_person(program), new_email()
    await work_of(program, monkeypatch, path, {"email": new_email(), **more})  # what the first of all makes
    with_account = await work_of(program, monkeypatch, path, {"email": person.email, **more})
    without = await work_of(program, monkeypatch, path, {"email": nobody, **more})
    assert with_account[0] == without[0]
    assert with_account[2] == without[2]
    assert with_account[3] == without[3]
    if path != "login":
        assert with_account[1] == without[1]
