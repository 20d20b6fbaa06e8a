"""Second persons: what one asks for another signs, once, and it happens with the signature."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.factories.callers import error_of, signed_in, staff, traveller, with_an_old_proof
from tests.factories.meeting import Meeting

from ais.accounts.domain import Grant
from ais.accounts.rights import repository
from ais.accounts.rights.approvals import expire_approvals
from ais.accounts.rights.repository import insert_grant
from ais.kit import decode_id, ids, system_actor

REASON = "joins the desk"


async def ask(asker, who, role, **limits):
    answer = await asker.post(f"users/{who.id}/roles", role=role, reason=REASON, **limits)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def roles_of(reader, who):
    answer = await reader.get(f"users/{who.id}/roles")
    assert answer.status_code == 200
    return [held["role"] for held in answer.json()["items"]]


async def test_a_role_needs_a_second_person_and_acts_within_a_second(program):
    asker, signer, clerk = await staff(program, "admin"), await staff(program, "admin"), await staff(program)
    assert (await clerk.get("orders", limit=1)).json()["items"] == []
    asked = await ask(asker, clerk, "finance")
    assert (asked["status"], asked["kind"], asked["subject"]) == ("open", "role_grant", f"{clerk.id} finance")
    assert await roles_of(asker, clerk) == []
    assert error_of(await clerk.get("refunds", limit=1)) == (403, "FORBIDDEN")
    assert error_of(await asker.post(f"approvals/{asked['id']}/approve")) == (403, "SECOND_PERSON_NEEDED")
    signed = await signer.post(f"approvals/{asked['id']}/approve")
    assert (signed.status_code, signed.json()["status"]) == (200, "approved")
    assert await roles_of(asker, clerk) == ["finance"]
    assert (await clerk.get("refunds", limit=1)).status_code == 200
    (held,) = (await asker.get(f"users/{clerk.id}/roles")).json()["items"]
    back = await asker.post(f"users/{clerk.id}/roles/{held['id']}/revocation", reason="leaves the desk")
    assert back.status_code == 202
    assert (await clerk.get("refunds", limit=1)).status_code == 200
    assert (await signer.post(f"approvals/{back.json()['id']}/approve")).status_code == 200
    assert error_of(await clerk.get("refunds", limit=1)) == (403, "FORBIDDEN")
    assert await roles_of(asker, clerk) == []
    assert error_of(await asker.post(f"users/{clerk.id}/roles/{held['id']}/revocation", reason="once more")) == (
        404,
        "NOT_FOUND",
    )


async def test_who_gets_the_role_signs_nothing_of_it_and_who_may_not_sign_sees_nothing(program):
    asker, beneficiary = await staff(program, "admin"), await staff(program, "admin")
    asked = await ask(asker, beneficiary, "finance")
    assert error_of(await beneficiary.post(f"approvals/{asked['id']}/approve")) == (403, "SECOND_PERSON_NEEDED")
    for nobody in (await staff(program, "finance"), await traveller(program)):
        assert error_of(await nobody.post(f"approvals/{asked['id']}/approve")) == (404, "NOT_FOUND")
        listed = (await nobody.get("approvals", limit=200)).json()["items"]
        assert asked["id"] not in [each["id"] for each in listed]
    assert asked["id"] in [each["id"] for each in (await beneficiary.get("approvals", limit=200)).json()["items"]]
    assert await program.rows("SELECT status FROM approvals WHERE id = $1", decode_id(ids.APPROVAL, asked["id"])) == [
        "open"
    ]


async def test_a_role_that_gives_roles_is_signed_by_who_holds_all_of_it(program):
    asker, admin, chief = (
        await staff(program, "admin"),
        await staff(program, "admin"),
        await staff(program, "super_admin"),
    )
    clerk = await staff(program)
    asked = await ask(asker, clerk, "super_admin")
    assert error_of(await admin.post(f"approvals/{asked['id']}/approve")) == (403, "SECOND_PERSON_NEEDED")
    assert await roles_of(asker, clerk) == []
    assert (await chief.post(f"approvals/{asked['id']}/approve")).status_code == 200
    assert await roles_of(asker, clerk) == ["super_admin"]


async def test_limits_come_with_the_role(program):
    asker, signer, clerk = await staff(program, "admin"), await staff(program, "admin"), await staff(program)
    asked = await ask(asker, clerk, "station", stations=["JED"], channels=["web", "api"])
    assert (await signer.post(f"approvals/{asked['id']}/approve")).status_code == 200
    (held,) = (await asker.get(f"users/{clerk.id}/roles")).json()["items"]
    assert (held["stations"], held["agencies"], held["channels"]) == (["JED"], None, ["api", "web"])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"role": "traveller"}, "role"),
        ({"role": "nobody"}, "role"),
        ({"role": "ops", "stations": []}, "stations"),
        ({"role": "ops", "stations": ["Jeddah"]}, "stations[0]"),
        ({"role": "ops", "agencies": ["agy_00000000000000000000000000"]}, "agencies[0]"),
        ({"role": "ops", "channels": ["fax"]}, "channels[0]"),
        ({"role": "ops", "granted_by": "me"}, "granted_by"),
    ],
)
async def test_what_cannot_be_granted(program, body, path):
    asker, clerk = await staff(program, "admin"), await staff(program)
    answer = await asker.post(f"users/{clerk.id}/roles", **{"reason": REASON, **body})
    assert error_of(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["fields"][0]["path"] == path
    assert await program.rows("SELECT count(*) FROM approvals WHERE subject LIKE $1", f"{clerk.id}%") == [0]


async def test_no_role_for_travellers_and_none_twice(program):
    asker, signer = await staff(program, "admin"), await staff(program, "admin")
    somebody, clerk = await traveller(program), await staff(program, "ops")
    for who, role in ((somebody, "ops"), (clerk, "ops")):
        answer = await asker.post(f"users/{who.id}/roles", role=role, reason=REASON)
        assert error_of(answer) == (409, "ROLE_CONFLICT")
    first = await ask(asker, clerk, "revenue")
    assert (await ask(signer, clerk, "revenue"))["id"] == first["id"]
    other = await signer.post(f"users/{clerk.id}/roles", role="revenue", reason=REASON, stations=["RUH"])
    assert error_of(other) == (409, "APPROVAL_CONFLICT")


async def test_declined_withdrawn_and_expired_approvals_do_nothing(program):
    asker, signer = await staff(program, "admin"), await staff(program, "admin")
    for who, status in ((signer, "declined"), (asker, "withdrawn")):
        clerk = await staff(program)
        asked = await ask(asker, clerk, "ops")
        assert (await who.post(f"approvals/{asked['id']}/decline")).json()["status"] == status
        assert (await who.post(f"approvals/{asked['id']}/decline")).json()["status"] == status
        assert error_of(await signer.post(f"approvals/{asked['id']}/approve")) == (409, "INVALID_STATE_TRANSITION")
        assert await roles_of(asker, clerk) == []
    clerk = await staff(program)
    asked = await ask(asker, clerk, "ops")
    async with program.later(hours=25) as late, late.database.unit_of_work(system_actor("test")) as uow:
        await expire_approvals(uow)
    assert error_of(await signer.post(f"approvals/{asked['id']}/approve")) == (409, "INVALID_STATE_TRANSITION")
    again = await ask(asker, clerk, "ops")
    assert again["id"] != asked["id"]
    assert (await signer.post(f"approvals/{again['id']}/approve")).status_code == 200


async def test_a_proof_that_is_old_must_be_renewed_before_signing(program):
    asker, signer, clerk = await staff(program, "admin"), await staff(program, "admin"), await staff(program)
    asked = await ask(asker, clerk, "ops")
    await with_an_old_proof(signer)
    assert error_of(await signer.post(f"approvals/{asked['id']}/approve")) == (403, "STEP_UP_REQUIRED")
    assert (await (await signed_in(signer)).post(f"approvals/{asked['id']}/approve")).status_code == 200


async def test_the_database_lets_nobody_sign_alone_or_change_what_is_signed(program):
    asker, clerk = await staff(program, "admin"), await staff(program)
    own = decode_id(ids.APPROVAL, (await ask(asker, clerk, "ops"))["id"])
    for statement in (
        "UPDATE approvals SET status = 'approved', resolved_by = requested_by, resolved_at = ais_now() WHERE id = $1",
        "UPDATE approvals SET payload = '{}' WHERE id = $1",
        "UPDATE approvals SET requested_by = 'staff:other' WHERE id = $1",
        "DELETE FROM approvals WHERE id = $1",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await program.rows(f"{statement} RETURNING 1", own)


async def sign_at_once(program, signers, asked):
    return await asyncio.gather(*(each.post(f"approvals/{asked['id']}/approve") for each in signers))


async def test_of_two_who_sign_at_once_one_does(program):
    asker, clerk = await staff(program, "admin"), await staff(program)
    signers = [await staff(program, "admin") for _ in range(4)]
    asked = await ask(asker, clerk, "ops")
    answers = await sign_at_once(program, signers, asked)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await roles_of(asker, clerk) == ["ops"]


async def test_control_without_the_lock_two_pass_the_check(program, monkeypatch):
    """What the lock is for: both read the approval as open. The database alone then stops the second."""
    asker, clerk = await staff(program, "admin"), await staff(program)
    signers = [await staff(program, "admin") for _ in range(2)]
    asked = await ask(asker, clerk, "ops")
    passed, both_have_read = [], Meeting()

    async def unlocked(uow, approval_id):
        row = await uow.connection.fetchrow("SELECT * FROM approvals WHERE id = $1", approval_id)
        passed.append(row["status"])
        await both_have_read.wait()
        return repository._approval(row)

    monkeypatch.setattr(repository, "lock_approval", unlocked)
    answers = await sign_at_once(program, signers, asked)
    assert passed == ["open", "open"]
    assert sorted(answer.status_code for answer in answers) == [200, 500]
    assert await roles_of(asker, clerk) == ["ops"]


async def test_a_role_given_and_taken_at_once_leaves_what_was_signed_last(program):
    asker, signer = await staff(program, "admin"), await staff(program, "admin")
    clerk = await staff(program, "ops")
    (held,) = (await asker.get(f"users/{clerk.id}/roles")).json()["items"]
    taken = (await asker.post(f"users/{clerk.id}/roles/{held['id']}/revocation", reason="leaves")).json()
    given = await ask(asker, clerk, "revenue")
    answers = await asyncio.gather(
        *(signer.post(f"approvals/{each['id']}/approve") for each in (taken, given, taken, given))
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert await roles_of(asker, clerk) == ["revenue"]
    assert (await clerk.get("me")).json()["roles"] == ["revenue"]


async def test_a_right_that_is_taken_while_it_is_used_is_gone_within_a_second(program):
    clerk = await staff(program, "finance")
    asker, signer = await staff(program, "admin"), await staff(program, "admin")
    (held,) = (await asker.get(f"users/{clerk.id}/roles")).json()["items"]
    asked = (await asker.post(f"users/{clerk.id}/roles/{held['id']}/revocation", reason="leaves")).json()
    using = asyncio.create_task(clerk.refused_at("refunds"))
    assert (await signer.post(f"approvals/{asked['id']}/approve")).status_code == 200
    revoked_at = asyncio.get_running_loop().time()
    assert await using - revoked_at < 1


async def test_the_same_role_cannot_be_given_twice_at_once(program):
    """Two approvals of the same can only stand if somebody wrote past the program: the database keeps one."""
    clerk = await staff(program)
    async with program.database.unit_of_work(system_actor("one")) as uow:
        assert await insert_grant(uow, clerk.user_id, Grant("ops"), "system:one", None) is not None
        assert await insert_grant(uow, clerk.user_id, Grant("ops"), "system:one", None) is None


async def test_two_who_ask_for_the_same_at_once_ask_once(program):
    clerk = await staff(program)
    askers = [await staff(program, "admin") for _ in range(4)]
    asked = await asyncio.gather(*(ask(each, clerk, "ops") for each in askers))
    assert len({each["id"] for each in asked}) == 1
    assert await program.rows("SELECT count(*) FROM approvals WHERE subject = $1", f"{clerk.id} ops") == [1]


async def test_of_a_role_and_its_revocation_asked_for_twice_one_happens(program):
    """Whoever took the role first has taken it; the second signature of the same finds nothing to take."""
    asker, signer, clerk = await staff(program, "admin"), await staff(program, "admin"), await staff(program, "ops")
    (held,) = (await asker.get(f"users/{clerk.id}/roles")).json()["items"]
    path = f"users/{clerk.id}/roles/{held['id']}/revocation"
    first = (await asker.post(path, reason="leaves")).json()
    assert (await asker.post(f"approvals/{first['id']}/decline")).status_code == 200
    second = (await asker.post(path, reason="leaves now")).json()
    answers = await asyncio.gather(*(signer.post(f"approvals/{each['id']}/approve") for each in (second, first)))
    assert [answer.status_code for answer in answers] == [200, 409]
    assert await roles_of(asker, clerk) == []
