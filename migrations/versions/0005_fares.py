"""Fares: brands, versions of fares, discounts and taxes, and the currencies of points of sale."""

from migrations.script import run_sql

revision = "0005"
down_revision = "0004"

UPGRADE = """
CREATE TABLE fare_brands (
    carrier text NOT NULL REFERENCES carriers (code),
    code    text NOT NULL CHECK (code ~ '^[A-Z][A-Z0-9]{0,11}$'),
    rank    smallint NOT NULL CHECK (rank BETWEEN 1 AND 99),
    name_en text NOT NULL,
    name_ar text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (carrier, code)
);

CREATE TABLE points_of_sale (
    code            text PRIMARY KEY CHECK (code ~ '^([*]|[A-Z0-9]{2,12})$'),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    fare_unit_minor integer NOT NULL CHECK (fare_unit_minor > 0),
    fare_rounding   text NOT NULL CHECK (fare_rounding IN ('up', 'down', 'nearest')),
    tax_unit_minor  integer NOT NULL CHECK (tax_unit_minor > 0),
    tax_rounding    text NOT NULL CHECK (tax_rounding IN ('up', 'down', 'nearest')),
    version         integer NOT NULL DEFAULT 1
);

-- A fare as it was filed, with its whole rule. What it says never changes; its sale can be ended earlier, by a newer
-- version (superseded_at) or by staff (withdrawn_at). Orders and offers name the id for as long as they exist.
CREATE TABLE fare_versions (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key               text NOT NULL,
    digest            bytea NOT NULL CHECK (length(digest) = 32),
    carrier           text NOT NULL REFERENCES carriers (code),
    market_level      text NOT NULL CHECK (market_level IN ('airport', 'city')),
    origin            text NOT NULL CHECK (origin ~ '^[A-Z0-9]{3}$'),
    destination       text NOT NULL CHECK (destination ~ '^[A-Z0-9]{3}$'),
    both_directions   boolean NOT NULL,
    trip_type         text NOT NULL CHECK (trip_type IN ('one_way', 'half_return')),
    fare_basis        text NOT NULL CHECK (fare_basis ~ '^[A-Z][A-Z0-9]{1,7}$'),
    rbd               text NOT NULL CHECK (rbd ~ '^[A-Z]$'),
    brand             text NOT NULL,
    cabin             text NOT NULL CHECK (cabin ~ '^[A-Z]$'),
    amount_minor      bigint NOT NULL CHECK (amount_minor >= 0),
    currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    rule              jsonb NOT NULL,
    travel_from       date,
    travel_until      date,
    points_of_sale    text[] NOT NULL,
    sale_starts_at    timestamptz NOT NULL,
    sale_ends_at      timestamptz,
    imported_at       timestamptz NOT NULL DEFAULT ais_now(),
    imported_by       text NOT NULL,
    superseded_at     timestamptz,
    withdrawn_at      timestamptz,
    withdrawn_by      text,
    withdrawal_reason text,
    FOREIGN KEY (carrier, brand) REFERENCES fare_brands (carrier, code),
    CHECK (origin <> destination),
    CHECK (travel_until >= travel_from),
    CHECK (sale_ends_at >= sale_starts_at),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawal_reason IS NULL)),
    CHECK (withdrawn_at IS NULL OR sale_ends_at IS NOT NULL),
    EXCLUDE USING gist (key WITH =, tstzrange(sale_starts_at, sale_ends_at) WITH &&)
);
CREATE INDEX fare_versions_market ON fare_versions (carrier, origin, destination);
CREATE INDEX fare_versions_sale_ends_at ON fare_versions (sale_ends_at);

CREATE TABLE discount_versions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key            text NOT NULL,
    digest         bytea NOT NULL CHECK (length(digest) = 32),
    carrier        text NOT NULL REFERENCES carriers (code),
    passenger_type text NOT NULL CHECK (passenger_type IN ('child', 'infant', 'infant_seat')),
    brand          text NOT NULL,
    basis_points   integer NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
    sale_starts_at timestamptz NOT NULL,
    sale_ends_at   timestamptz,
    imported_at    timestamptz NOT NULL DEFAULT ais_now(),
    imported_by    text NOT NULL,
    superseded_at  timestamptz,
    CHECK (sale_ends_at >= sale_starts_at),
    EXCLUDE USING gist (key WITH =, tstzrange(sale_starts_at, sale_ends_at) WITH &&)
);

CREATE TABLE tax_versions (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key                  text NOT NULL,
    digest               bytea NOT NULL CHECK (length(digest) = 32),
    code                 text NOT NULL CHECK (code ~ '^[A-Z0-9]{2,3}$'),
    kind                 text NOT NULL CHECK (kind IN ('tax', 'fee', 'carrier_charge')),
    name_en              text NOT NULL,
    name_ar              text NOT NULL,
    country              text REFERENCES countries (code),
    airports             text[] NOT NULL,
    carrier              text REFERENCES carriers (code),
    point                text NOT NULL CHECK (point IN ('departure', 'arrival', 'sale')),
    scope                text NOT NULL
        CHECK (scope IN ('any', 'domestic', 'international', 'domestic_journey', 'international_journey')),
    cabins               text[] NOT NULL,
    brands               text[] NOT NULL,
    amount_minor         bigint CHECK (amount_minor >= 0),
    currency             text CHECK (currency ~ '^[A-Z]{3}$'),
    basis_points         integer CHECK (basis_points BETWEEN 0 AND 100000),
    percent_of           text[] NOT NULL,
    rounding_unit_minor  integer CHECK (rounding_unit_minor > 0),
    rounding_currency    text CHECK (rounding_currency ~ '^[A-Z]{3}$'),
    rounding_direction   text NOT NULL CHECK (rounding_direction IN ('up', 'down', 'nearest')),
    exempt_passengers    text[] NOT NULL
        CHECK (exempt_passengers <@ ARRAY['adult', 'child', 'infant', 'infant_seat']),
    exempt_transit_hours smallint CHECK (exempt_transit_hours > 0),
    refundable           boolean NOT NULL,
    travel_from          date,
    travel_until         date,
    example              boolean NOT NULL,
    sale_starts_at       timestamptz NOT NULL,
    sale_ends_at         timestamptz,
    imported_at          timestamptz NOT NULL DEFAULT ais_now(),
    imported_by          text NOT NULL,
    superseded_at        timestamptz,
    withdrawn_at         timestamptz,
    withdrawn_by         text,
    withdrawal_reason    text,
    CHECK ((amount_minor IS NULL) <> (basis_points IS NULL)),
    CHECK ((amount_minor IS NULL) = (currency IS NULL)),
    CHECK ((basis_points IS NULL) = (cardinality(percent_of) = 0)),
    CHECK ((rounding_unit_minor IS NULL) = (rounding_currency IS NULL)),
    CHECK (travel_until >= travel_from),
    CHECK (sale_ends_at >= sale_starts_at),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawal_reason IS NULL)),
    CHECK (withdrawn_at IS NULL OR sale_ends_at IS NOT NULL),
    EXCLUDE USING gist (key WITH =, tstzrange(sale_starts_at, sale_ends_at) WITH &&)
);

-- A version says for ever what it said. Only the end of its sale may move, and only to an earlier instant; being
-- superseded or withdrawn is said once.
CREATE FUNCTION keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movable text[] := ARRAY['sale_ends_at', 'superseded_at', 'withdrawn_at', 'withdrawn_by', 'withdrawal_reason'];
    before_row jsonb := to_jsonb(OLD);
    after_row jsonb := to_jsonb(NEW);
BEGIN
    IF before_row - movable IS DISTINCT FROM after_row - movable
        OR coalesce(NEW.sale_ends_at, 'infinity') > coalesce(OLD.sale_ends_at, 'infinity')
        OR (before_row ->> 'withdrawn_at' IS NOT NULL
            AND before_row - 'superseded_at' IS DISTINCT FROM after_row - 'superseded_at')
        OR (OLD.superseded_at IS NOT NULL AND NEW.superseded_at IS DISTINCT FROM OLD.superseded_at)
    THEN
        RAISE EXCEPTION '% %: a version is never changed, only its sale is ended', TG_TABLE_NAME, OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER fare_versions_keep BEFORE UPDATE ON fare_versions FOR EACH ROW EXECUTE FUNCTION keep_version();
CREATE TRIGGER fare_versions_stay BEFORE DELETE ON fare_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER discount_versions_keep BEFORE UPDATE ON discount_versions FOR EACH ROW EXECUTE FUNCTION keep_version();
CREATE TRIGGER discount_versions_stay BEFORE DELETE ON discount_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tax_versions_keep BEFORE UPDATE ON tax_versions FOR EACH ROW EXECUTE FUNCTION keep_version();
CREATE TRIGGER tax_versions_stay BEFORE DELETE ON tax_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
