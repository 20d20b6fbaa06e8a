"""What a drawer lacked or had too much can be written off."""

from migrations.script import run_sql

revision = "0029"
down_revision = "0028"

UPGRADE = """
ALTER TABLE cash_shifts ADD COLUMN written_off_at timestamptz,
    ADD CONSTRAINT cash_shifts_written_off CHECK (written_off_at IS NULL OR status = 'closed') NOT VALID;
-- Wider than before; the next revision looks at the old rows, beside the running system.
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_account, DROP CONSTRAINT ledger_entries_dimensions;
ALTER TABLE ledger_entries
    ADD CONSTRAINT ledger_entries_account CHECK (account IN (
        'provider_clearing', 'customer_deposits', 'unflown_fare', 'unflown_carrier_charges',
        'unflown_ancillaries', 'tax_payable', 'flown_revenue', 'penalty_revenue', 'breakage',
        'deferred_penalties', 'deferred_breakage', 'refunds_payable', 'travel_credit', 'agency_deposit',
        'agency_receivable', 'cash', 'cash_difference', 'bank', 'provider_fees', 'chargebacks',
        'compensation', 'exchange_difference', 'rounding'
    )) NOT VALID,
    ADD CONSTRAINT ledger_entries_dimensions CHECK (CASE
        WHEN account IN ('unflown_fare', 'unflown_carrier_charges', 'unflown_ancillaries')
            THEN coupon_number IS NOT NULL
        WHEN account = 'tax_payable' THEN authority IS NOT NULL AND code IS NOT NULL
        WHEN account IN ('deferred_penalties', 'deferred_breakage')
            THEN coupon_number IS NOT NULL AND due_at IS NOT NULL
        WHEN account = 'provider_clearing' THEN provider IS NOT NULL
        WHEN account IN ('agency_deposit', 'agency_receivable') THEN agency_id IS NOT NULL
        WHEN account IN ('cash', 'cash_difference') THEN office IS NOT NULL AND shift IS NOT NULL
        WHEN account = 'travel_credit' THEN credit_id IS NOT NULL
        ELSE true END) NOT VALID;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
