"""What happens to an order once a second person has signed."""

from __future__ import annotations

from ais.accounts import Approval
from ais.orders.cancellation.service.confirm import confirm_signed
from ais.orders.cancellation.service.quote import CancelOrder
from ais.orders.cancellation.service.second_person import quote_of
from ais.orders.cancellation.service.void import void_signed
from ais.platform.database import UnitOfWork


async def carry_out_signed(services: CancelOrder, uow: UnitOfWork, approval: Approval) -> None:
    """Confirm the quote, or undo the documents, that the approval is about. Raises what these refuse."""
    if quote_of(approval) is not None:
        await confirm_signed(uow, approval, services.refund_limits)
    else:
        await void_signed(uow, approval, services.timezone)
