"""The worked tables of docs/algorithms/ledger.md are worked again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from ais.ledger import ACCOUNT_CLASSES, ENTRY_FIELDS, POSTING_FIELDS, Account
from ais.ledger.domain import REQUIRED_DIMENSIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs/algorithms/ledger.md").read_text(encoding="utf-8")
HEADER = "| account | of | debit | credit |\n"


def rows_after(text):
    for line in text.splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.split("|")[1:-1]]


def postings():
    return [list(rows_after(part)) for part in PAGE.split(HEADER)[1:]]


def test_every_worked_posting_balances_in_each_currency_and_names_accounts_of_the_chart():
    found = postings()
    assert len(found) == 13
    for rows in found:
        balances = {}
        for account, of, debit, credit in rows:
            assert account in set(Account)
            assert (debit == "") != (credit == "")
            code = next((word for word in ("KWD", "SAR") if word in of), "")
            balances[code] = balances.get(code, 0) + Decimal(debit or 0) - Decimal(credit or 0)
        assert set(balances.values()) == {0}, rows


def test_the_worked_order_ends_with_nothing_under_way():
    captured, issued, flown, cancelled, refunded = postings()[:5]
    sums = {}
    for account, _, debit, credit in (*captured, *issued, *flown, *cancelled, *refunded):
        sums[account] = sums.get(account, 0) + Decimal(debit or 0) - Decimal(credit or 0)
    assert sums == {
        "provider_clearing": Decimal("586.75"),
        "customer_deposits": 0,
        "refunds_payable": 0,
        "unflown_fare": 0,
        "unflown_carrier_charges": 0,
        "tax_payable": Decimal("-86.75"),
        "flown_revenue": Decimal("-425.00"),
        "penalty_revenue": Decimal("-75.00"),
    }


def test_the_chart_is_the_program_s():
    header = "| account | class | kept by | what it holds |\n"
    rows = list(rows_after(PAGE.split(header)[1]))
    classes, kept_by = {}, {}
    for accounts, kind, dimensions, _ in rows:
        for account in accounts.replace("`", "").split(", "):
            classes[account] = kind
            kept_by[account] = dimensions
    assert classes == {account.value: kind.value for account, kind in ACCOUNT_CLASSES.items()}
    words = {"document_id": "document", "coupon_number": "coupon", "agency_id": "agency", "credit_id": "credit"}
    words["due_at"] = "due time"
    for account in Account:
        names = REQUIRED_DIMENSIONS.get(account, ())
        assert kept_by[account] == ", ".join(words.get(name, name) for name in names), account


def test_the_fields_that_are_hashed_are_the_program_s():
    text = " ".join(PAGE.split())
    assert f"- posting: {', '.join(POSTING_FIELDS)} " in text
    assert f"- entry: {', '.join(ENTRY_FIELDS)} " in text
