"""Reference data: countries, cities, airports, carriers, aircraft types, exchange rates."""

from migrations.script import run_sql

revision = "0002"
down_revision = "0001"

UPGRADE = """
-- version counts the changes by staff: what is packaged with the program replaces only rows that nobody changed.
CREATE TABLE countries (
    code     text PRIMARY KEY CHECK (code ~ '^[A-Z]{2}$'),
    name_en  text NOT NULL,
    name_ar  text,
    currency text CHECK (currency ~ '^[A-Z]{3}$'),
    version  integer NOT NULL DEFAULT 1
);

CREATE TABLE cities (
    code         text PRIMARY KEY CHECK (code ~ '^[A-Z0-9]{3}$'),
    name_en      text NOT NULL,
    name_ar      text,
    country_code text NOT NULL REFERENCES countries,
    version      integer NOT NULL DEFAULT 1
);

CREATE TABLE airports (
    iata         text PRIMARY KEY CHECK (iata ~ '^[A-Z0-9]{3}$'),
    icao         text CHECK (icao ~ '^[A-Z0-9]{4}$'),
    name_en      text NOT NULL,
    name_ar      text,
    city_code    text NOT NULL REFERENCES cities,
    country_code text NOT NULL REFERENCES countries,
    timezone     text NOT NULL,
    latitude     double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude    double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    prominence   smallint NOT NULL DEFAULT 0,
    aliases      text NOT NULL DEFAULT '',
    version      integer NOT NULL DEFAULT 1
);
CREATE INDEX airports_city_code ON airports (city_code);

CREATE TABLE carriers (
    code            text PRIMARY KEY CHECK (code ~ '^[A-Z0-9]{2}[A-Z]?$' AND code !~ '^[0-9]+$'),
    accounting_code text UNIQUE CHECK (accounting_code ~ '^[0-9]{3}$'),
    name_en         text NOT NULL,
    name_ar         text,
    country_code    text NOT NULL REFERENCES countries,
    version         integer NOT NULL DEFAULT 1
);

CREATE TABLE aircraft_types (
    iata         text PRIMARY KEY CHECK (iata ~ '^[A-Z0-9]{3}$'),
    icao         text CHECK (icao ~ '^[A-Z0-9]{2,4}$'),
    name         text NOT NULL,
    manufacturer text NOT NULL,
    version      integer NOT NULL DEFAULT 1
);

-- One unit of base buys rate units of quote on the days of valid.
CREATE TABLE exchange_rates (
    base  text NOT NULL CHECK (base ~ '^[A-Z]{3}$'),
    quote text NOT NULL CHECK (quote ~ '^[A-Z]{3}$'),
    rate  numeric NOT NULL CHECK (rate > 0),
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    CHECK (base <> quote),
    EXCLUDE USING gist (base WITH =, quote WITH =, valid WITH &&)
);
"""


def upgrade() -> None:
    run_sql(UPGRADE)
