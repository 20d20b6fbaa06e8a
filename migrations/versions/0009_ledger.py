"""The ledger: postings and their entries, appended, balanced, and one for each cause."""

from migrations.script import run_sql

revision = "0009"
down_revision = "0008"

UPGRADE = """
-- One posting per cause. The number of its entries is part of it, so that none can be added later.
CREATE TABLE ledger_postings (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    cause_type      text NOT NULL CHECK (cause_type ~ '^[a-z_]+$'),
    cause_id        text NOT NULL CHECK (cause_id <> ''),
    order_id        uuid,
    form_of_payment text CHECK (form_of_payment <> ''),
    actor           text NOT NULL CHECK (actor <> ''),
    channel         text NOT NULL CHECK (channel <> ''),
    seller_id       text CHECK (seller_id <> ''),
    happened_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT ais_now(),
    entry_count     smallint NOT NULL CHECK (entry_count >= 2),
    -- The chain takes a posting once no transaction that began before it can still add one.
    transaction_id  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT ledger_postings_one_per_cause UNIQUE (kind, cause_type, cause_id)
);
CREATE INDEX ledger_postings_order_id ON ledger_postings (order_id);
CREATE INDEX ledger_postings_transaction_id ON ledger_postings (transaction_id, id);
CREATE INDEX ledger_postings_happened_at ON ledger_postings (happened_at, id);

-- A debit is positive, a credit negative; whole minor units. The dimensions that an account is kept by are required.
CREATE TABLE ledger_entries (
    posting_id    uuid NOT NULL REFERENCES ledger_postings,
    number        smallint NOT NULL CHECK (number >= 1),
    account       text NOT NULL CONSTRAINT ledger_entries_account CHECK (account IN (
                      'provider_clearing', 'customer_deposits', 'unflown_fare', 'unflown_carrier_charges',
                      'unflown_ancillaries', 'tax_payable', 'flown_revenue', 'penalty_revenue', 'breakage',
                      'deferred_penalties', 'deferred_breakage', 'refunds_payable', 'travel_credit', 'agency_deposit',
                      'agency_receivable', 'cash', 'bank', 'provider_fees', 'chargebacks', 'compensation',
                      'exchange_difference', 'rounding')),
    amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    authority     text CHECK (authority <> ''),
    code          text CHECK (code <> ''),
    document_id   uuid,
    coupon_number smallint CHECK (coupon_number BETWEEN 1 AND 4),
    provider      text CHECK (provider <> ''),
    agency_id     text CHECK (agency_id <> ''),
    office        text CHECK (office <> ''),
    shift         text CHECK (shift <> ''),
    credit_id     uuid,
    due_at        timestamptz,
    PRIMARY KEY (posting_id, number),
    CHECK (coupon_number IS NULL OR document_id IS NOT NULL),
    CONSTRAINT ledger_entries_dimensions CHECK (CASE
        WHEN account IN ('unflown_fare', 'unflown_carrier_charges', 'unflown_ancillaries') THEN
            coupon_number IS NOT NULL
        WHEN account = 'tax_payable' THEN authority IS NOT NULL AND code IS NOT NULL
        WHEN account IN ('deferred_penalties', 'deferred_breakage') THEN
            coupon_number IS NOT NULL AND due_at IS NOT NULL
        WHEN account = 'provider_clearing' THEN provider IS NOT NULL
        WHEN account IN ('agency_deposit', 'agency_receivable') THEN agency_id IS NOT NULL
        WHEN account = 'cash' THEN office IS NOT NULL AND shift IS NOT NULL
        WHEN account = 'travel_credit' THEN credit_id IS NOT NULL
        ELSE true END)
);
CREATE INDEX ledger_entries_document ON ledger_entries (document_id, coupon_number) WHERE document_id IS NOT NULL;
CREATE INDEX ledger_entries_credit ON ledger_entries (credit_id) WHERE credit_id IS NOT NULL;
CREATE INDEX ledger_entries_agency ON ledger_entries (agency_id) WHERE agency_id IS NOT NULL;
CREATE INDEX ledger_entries_due ON ledger_entries (due_at) WHERE due_at IS NOT NULL;

-- Both run at the end of the statement, when all that it wrote is there. Every entry of a posting is counted, those
-- of earlier statements too. Plans are kept for as long as a connection lives, from days when the tables were small: a
-- scan of all postings must never be one of them.
CREATE FUNCTION ledger_require_entries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE added.transaction_id <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a posting carries the transaction that writes it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_postings_transaction';
    END IF;
    IF EXISTS (
        SELECT FROM added WHERE NOT EXISTS (SELECT FROM ledger_entries WHERE posting_id = added.id)
    ) THEN
        RAISE EXCEPTION 'a posting is written by one statement with its entries'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_postings_entries';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_require_balance() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT posting.id, posting.entry_count, found.entries, found.unbalanced INTO broken
    FROM (SELECT DISTINCT posting_id FROM added) AS touched
    JOIN ledger_postings AS posting ON posting.id = touched.posting_id
    CROSS JOIN LATERAL (
        SELECT sum(entries) AS entries, string_agg(currency, ', ') FILTER (WHERE balance <> 0) AS unbalanced
        FROM (SELECT currency, count(*) AS entries, sum(amount_minor) AS balance FROM ledger_entries
              WHERE posting_id = touched.posting_id GROUP BY currency) AS each_currency
    ) AS found
    WHERE found.unbalanced IS NOT NULL OR found.entries <> posting.entry_count
    LIMIT 1;
    IF broken.unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'posting % does not balance in %', broken.id, broken.unbalanced
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_balance';
    ELSIF broken.id IS NOT NULL THEN
        RAISE EXCEPTION 'posting % has % entries and says it has %', broken.id, broken.entries, broken.entry_count
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_count';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_postings_entries AFTER INSERT ON ledger_postings
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_require_entries();
CREATE TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_require_balance();
CREATE TRIGGER ledger_postings_history BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_history BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
