"""Persons of orders rest sealed: new columns beside the old ones, which a job empties."""

from migrations.script import run_sql

revision = "0027"
down_revision = "0026"

UPGRADE = """
-- The buyer, sealed; rows from before hold "contact" until they are moved.
ALTER TABLE orders
    ALTER COLUMN contact DROP NOT NULL,
    ADD COLUMN language text,
    ADD COLUMN contact_person_id uuid,
    ADD COLUMN contact_sealed bytea,
    ADD COLUMN contact_lookup bytea,
    ADD CONSTRAINT orders_language_check CHECK (language IN ('ar', 'en')) NOT VALID,
    ADD CONSTRAINT orders_contact_lookup_check CHECK (length(contact_lookup) = 32) NOT VALID,
    ADD CONSTRAINT orders_contact_person_id_fkey FOREIGN KEY (contact_person_id) REFERENCES person_keys NOT VALID,
    ADD CONSTRAINT orders_contact_rests CHECK (
        CASE WHEN contact_sealed IS NULL THEN contact IS NOT NULL AND contact_person_id IS NULL
             ELSE contact IS NULL AND contact_person_id IS NOT NULL AND language IS NOT NULL END) NOT VALID;

ALTER TABLE order_passengers
    ALTER COLUMN given_name DROP NOT NULL,
    ALTER COLUMN family_name DROP NOT NULL,
    ALTER COLUMN search_name DROP NOT NULL,
    ADD COLUMN person_id uuid,
    ADD COLUMN personal_sealed bytea,
    ADD COLUMN name_lookup bytea,
    DROP CONSTRAINT order_passengers_check1,
    ADD CONSTRAINT order_passengers_name_lookup_check CHECK (length(name_lookup) = 32) NOT VALID,
    ADD CONSTRAINT order_passengers_person_id_fkey FOREIGN KEY (person_id) REFERENCES person_keys NOT VALID,
    -- Sealed, and then nothing of it in the clear; or, from before, in the clear.
    ADD CONSTRAINT order_passengers_rest CHECK (
        CASE WHEN personal_sealed IS NULL
             THEN given_name IS NOT NULL AND family_name IS NOT NULL AND search_name IS NOT NULL
                  AND (type = 'adult' OR born_on IS NOT NULL) AND person_id IS NULL
             ELSE person_id IS NOT NULL AND documents = '[]'
                  AND num_nonnulls(title, gender, given_name, family_name, search_name, name_local, born_on,
                                   nationality) = 0 END) NOT VALID;

-- An answer that names persons is sealed for one of them. No foreign key: the record is written before the person.
ALTER TABLE idempotency_records ADD COLUMN person_id uuid;

-- How far rows from before are moved; orders in order of id, which grows with time.
CREATE TABLE sealing_progress (
    subject    text PRIMARY KEY,
    after_id   uuid,
    moved      bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT ais_now()
);
"""


def upgrade() -> None:
    run_sql(UPGRADE)
