"""Putting rights together: what agencies are called, and what happens once a second person has signed."""

from __future__ import annotations

from uuid import UUID

from ais.accounts import AccountServices, Approval, ApprovalDesk, ApprovalKind
from ais.accounts.rights.approvals import AfterCommit
from ais.accounts.rights.grants import carry_out_grant, carry_out_revocation
from ais.kit.ids import AgencyId
from ais.orders import CancelOrder, RefundLimits, carry_out_signed
from ais.payments import find_agency
from ais.platform.database import Database, UnitOfWork
from ais.platform.settings import Settings


class KnownAgencies:
    """The codes of agencies, each read once: a code never changes, and no agency is ever removed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._codes: dict[UUID, str] = {}

    async def code_of(self, agency_id: UUID) -> str | None:
        """The agency's code; None if there is no such agency."""
        if agency_id not in self._codes:
            async with self._database.connection() as connection:
                agency = await find_agency(connection, agency_id=AgencyId(agency_id))
            if agency is None:
                return None
            self._codes[agency_id] = agency.code
        return self._codes[agency_id]


def refund_limits(settings: Settings) -> RefundLimits:
    """The sums of ``refund_approval_limits``, which the settings have checked."""
    return RefundLimits({each.currency: each.minor for each in settings.refund_limits})


def approval_desk(database: Database, accounts: AccountServices, cancel: CancelOrder) -> ApprovalDesk:
    """For each kind of approval what happens in the transaction of its signature, and after it."""

    async def give_role(uow: UnitOfWork, approval: Approval) -> AfterCommit:
        user_id, version = await carry_out_grant(uow, approval)
        return lambda: accounts.checks.announce(user_id, version)

    async def take_role(uow: UnitOfWork, approval: Approval) -> AfterCommit:
        user_id, version = await carry_out_revocation(uow, approval)
        return lambda: accounts.checks.announce(user_id, version)

    async def give_money_back(uow: UnitOfWork, approval: Approval) -> None:
        await carry_out_signed(cancel, uow, approval)

    return ApprovalDesk(
        database,
        {
            ApprovalKind.ROLE_GRANT: give_role,
            ApprovalKind.ROLE_REVOCATION: take_role,
            ApprovalKind.REFUND: give_money_back,
            ApprovalKind.WAIVER: give_money_back,
        },
    )
