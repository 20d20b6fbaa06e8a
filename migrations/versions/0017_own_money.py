"""Money that we keep ourselves: agencies' deposits, cash in shifts."""

from migrations.script import run_sql

revision = "0017"
down_revision = "0016"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES ('cash_shift.status', 'open', 'closed');

ALTER TABLE payments
    ADD CONSTRAINT payments_funding CHECK ((provider IN ('agency', 'cash', 'credit')) = (funding_id IS NOT NULL))
    NOT VALID;
ALTER TABLE payments VALIDATE CONSTRAINT payments_funding;

CREATE TABLE agencies (
    id                 uuid PRIMARY KEY,
    code               text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9]{3,12}$'),
    name               text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    balance_minor      bigint NOT NULL DEFAULT 0,
    credit_limit_minor bigint NOT NULL DEFAULT 0 CHECK (credit_limit_minor >= 0),
    created_at         timestamptz NOT NULL DEFAULT ais_now(),
    CONSTRAINT agencies_within_credit CHECK (balance_minor + credit_limit_minor >= 0)
);

CREATE TABLE agency_movements (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id     uuid NOT NULL REFERENCES agencies,
    kind          text NOT NULL CHECK (kind IN ('topped_up', 'paid', 'returned')),
    amount_minor  bigint NOT NULL CHECK ((kind = 'paid') = (amount_minor < 0) AND amount_minor <> 0),
    balance_minor bigint NOT NULL,
    currency      text NOT NULL,
    cause_id      uuid NOT NULL,
    reference     text,
    actor         text NOT NULL,
    channel       text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT ais_now(),
    UNIQUE (kind, cause_id)
);
CREATE INDEX agency_movements_statement ON agency_movements (agency_id, id);
CREATE TRIGGER agency_movements_history BEFORE UPDATE OR DELETE ON agency_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE agency_limit_changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id   uuid NOT NULL REFERENCES agencies,
    from_minor  bigint NOT NULL,
    to_minor    bigint NOT NULL,
    actor       text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT ais_now()
);
CREATE TRIGGER agency_limit_changes_history BEFORE UPDATE OR DELETE ON agency_limit_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE cash_offices (
    id           uuid PRIMARY KEY,
    code         text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9]{3,12}$'),
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    next_receipt bigint NOT NULL DEFAULT 1 CHECK (next_receipt >= 1)
);

CREATE TABLE cash_shifts (
    id             uuid PRIMARY KEY,
    office_id      uuid NOT NULL REFERENCES cash_offices,
    clerk          text NOT NULL CHECK (length(clerk) BETWEEN 1 AND 60),
    status         text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    float_minor    bigint NOT NULL CHECK (float_minor >= 0),
    taken_minor    bigint NOT NULL DEFAULT 0 CHECK (taken_minor >= 0),
    paid_out_minor bigint NOT NULL DEFAULT 0 CHECK (paid_out_minor >= 0),
    counted_minor  bigint CHECK (counted_minor >= 0),
    opened_at      timestamptz NOT NULL DEFAULT ais_now(),
    closed_at      timestamptz,
    CHECK ((status = 'closed') = (counted_minor IS NOT NULL) AND (status = 'closed') = (closed_at IS NOT NULL)),
    -- Nobody hands out what is not in the drawer.
    CONSTRAINT cash_shifts_drawer CHECK (float_minor + taken_minor - paid_out_minor >= 0)
);
CREATE UNIQUE INDEX cash_shifts_one_open ON cash_shifts (office_id, clerk) WHERE status = 'open';
CREATE TRIGGER cash_shifts_status BEFORE UPDATE OF status ON cash_shifts
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('cash_shift.status', 'status');

CREATE TABLE cash_receipts (
    office_id      uuid NOT NULL REFERENCES cash_offices,
    receipt_number bigint NOT NULL,
    shift_id       uuid NOT NULL REFERENCES cash_shifts,
    kind           text NOT NULL CHECK (kind IN ('paid', 'paid_out')),
    amount_minor   bigint NOT NULL CHECK ((kind = 'paid') = (amount_minor > 0) AND amount_minor <> 0),
    cause_id       uuid NOT NULL,
    actor          text NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT ais_now(),
    PRIMARY KEY (office_id, receipt_number),
    UNIQUE (kind, cause_id)
);
CREATE INDEX cash_receipts_shift ON cash_receipts (shift_id);
CREATE TRIGGER cash_receipts_history BEFORE UPDATE OR DELETE ON cash_receipts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
