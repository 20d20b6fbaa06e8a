"""The ledger: double entry, appended, in whole minor units of each currency.

A posting is what one cause (a payment, refund, document, coupon, payout, dispute …) did to the books. Its entries
balance in every currency; a debit is positive, a credit negative. The database refuses a posting that does not, one
without entries, one for a cause that has one of its kind already, and every update, delete and TRUNCATE.

Inside a unit of work, one round trip::

    await post(uow, Posting(
        kind="captured", cause_type="payment", cause_id=str(payment.id), order_id=payment.order_id,
        channel=…, seller_id=…, form_of_payment=payment.method,
        entries=(debit(Account.PROVIDER_CLEARING, money, provider="stripe"),
                 credit(Account.CUSTOMER_DEPOSITS, money))))

It answers the posting's id, or None if that cause has its posting (a repeat is harmless) or every sum was zero.
``post_all`` writes several by one statement. Entries of zero are left out; a negative debit is a credit.

Kinds, with cause and entries:

==================  ==========  =====================================================================================
kind                cause       entries
==================  ==========  =====================================================================================
captured            payment     DR provider clearing (or cash, agency deposit, travel credit) CR customer deposits
issued              document    DR customer deposits CR unflown per coupon, tax payable, rounding
returned            refund      DR customer deposits CR refunds payable: money that bought nothing goes back
cancelled, voided   document,   DR unflown, tax payable CR refunds payable, penalty revenue (or deferred penalties)
                    quote …
refunded            refund      DR refunds payable CR provider clearing (or where the money came from)
refund_taken_back   refund      DR provider clearing CR refunds payable: a success that the bank took back
flown               coupon      DR unflown CR flown revenue
paid_out            payout      DR bank, provider fees CR provider clearing
payout_returned     payout      DR provider clearing CR bank: the bank sent it back
no_show             coupon      DR unflown CR breakage (or deferred breakage)
==================  ==========  =====================================================================================

``begin_refund`` posts nothing: whoever begins a refund has posted, in the same unit of work, what makes the money owed
(returned, cancelled, compensated …: CR refunds payable); its success takes it from there.

A coupon is named by ``coupon_cause(document_id, number)``. Value that leaves a coupon is what ``coupon_balances`` says
the books hold of it; tax entries carry the coupon too. A posting and the coupon moves of its unit of work carry one
instant, ``uow.effective_at``, so that the unflown liability of any date is the sum of the coupons open on it.

What the airline keeps becomes revenue by a dated rule of its own: the credit of a penalty is ``await
recognise_penalty(uow, money, document_id=…, coupon_number=…, kept_at=…, departs_at=…)``, that of value nobody used
``await recognise_breakage(…, expires_at=…)``. Each answers one entry, on the revenue or on a deferred account from
which a job takes it when it is due.

Behind the sale a job writes a hash chain over all postings; its head is signed and leaves the database
(docs/decisions/0009-hash-chain.md).
"""

from ais.ledger.domain import (
    ACCOUNT_CLASSES,
    ENTRY_FIELDS,
    MOMENTS,
    POSTING_FIELDS,
    TRANSITORY,
    UNFLOWN,
    Account,
    AccountClass,
    Entry,
    Item,
    Moment,
    Posting,
    PostingError,
    RecognitionRule,
    coupon_cause,
    credit,
    debit,
)
from ais.ledger.invariants import INVARIANTS
from ais.ledger.repository.chain import CHAIN
from ais.ledger.repository.postings import coupon_balances, order_balances
from ais.ledger.repository.recognition import all_rules
from ais.ledger.service.chain import (
    chain_everything,
    count_unchained,
    extend_chain,
    last_head,
    last_link,
    sign_head,
    verify_chain,
    walk_chain,
)
from ais.ledger.service.posting import post, post_all
from ais.ledger.service.recognise import (
    recognise_breakage,
    recognise_deferred,
    recognise_penalty,
    set_recognition_rule,
)

__all__ = [
    "ACCOUNT_CLASSES",
    "CHAIN",
    "ENTRY_FIELDS",
    "INVARIANTS",
    "MOMENTS",
    "POSTING_FIELDS",
    "TRANSITORY",
    "UNFLOWN",
    "Account",
    "AccountClass",
    "Entry",
    "Item",
    "Moment",
    "Posting",
    "PostingError",
    "RecognitionRule",
    "all_rules",
    "chain_everything",
    "count_unchained",
    "coupon_balances",
    "coupon_cause",
    "credit",
    "debit",
    "extend_chain",
    "last_head",
    "last_link",
    "order_balances",
    "post",
    "post_all",
    "recognise_breakage",
    "recognise_deferred",
    "recognise_penalty",
    "set_recognition_rule",
    "sign_head",
    "verify_chain",
    "walk_chain",
]
