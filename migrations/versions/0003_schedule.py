"""What is flown: schedule periods, flight dates, legs, segments, cabin layouts, minimum connecting times."""

from migrations.script import run_sql

revision = "0003"
down_revision = "0002"

UPGRADE = """
-- One row per import that changed something; the report is what the import said.
CREATE TABLE schedule_imports (
    id          uuid PRIMARY KEY,
    source      text NOT NULL CHECK (source IN ('ssim', 'nycflights')),
    carriers    text[] NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT ais_now(),
    imported_by text NOT NULL,
    report      jsonb NOT NULL
);

-- A carrier's group of an imported file. On a date that several of a carrier's data sets cover, the youngest is in
-- force. The records are kept as they came, so that an export writes the same bytes.
CREATE TABLE schedule_data_sets (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id          uuid NOT NULL REFERENCES schedule_imports DEFERRABLE INITIALLY DEFERRED,
    carrier            text NOT NULL REFERENCES carriers (code),
    season             text NOT NULL,
    time_mode          text NOT NULL CHECK (time_mode IN ('L', 'U')),
    validity           daterange NOT NULL CHECK (NOT isempty(validity) AND NOT lower_inf(validity)),
    digest             bytea NOT NULL CHECK (length(digest) = 32),
    header_record      text NOT NULL CHECK (length(header_record) = 200),
    carrier_record     text NOT NULL CHECK (length(carrier_record) = 200),
    trailer_record     text NOT NULL CHECK (length(trailer_record) = 200),
    materialised_until date NOT NULL
);
CREATE INDEX schedule_data_sets_carrier ON schedule_data_sets (carrier, id);

-- SSIM record type 3, one leg of one itinerary variation over its period of operation.
CREATE TABLE schedule_periods (
    data_set_id   bigint NOT NULL REFERENCES schedule_data_sets,
    position      integer NOT NULL,
    flight_number smallint NOT NULL CHECK (flight_number BETWEEN 1 AND 9999),
    suffix        text NOT NULL CHECK (suffix ~ '^[A-Z]?$'),
    variation     smallint NOT NULL CHECK (variation > 0),
    leg_sequence  smallint NOT NULL CHECK (leg_sequence > 0),
    service_type  text NOT NULL,
    period        daterange NOT NULL CHECK (NOT isempty(period) AND NOT lower_inf(period)),
    days          text NOT NULL CHECK (days ~ '^1?2?3?4?5?6?7?$' AND days <> ''),
    every_weeks   smallint NOT NULL CHECK (every_weeks IN (1, 2)),
    origin        text NOT NULL REFERENCES airports (iata),
    destination   text NOT NULL REFERENCES airports (iata),
    aircraft_type text NOT NULL,
    configuration text NOT NULL,
    record        text NOT NULL CHECK (length(record) = 200),
    PRIMARY KEY (data_set_id, position),
    UNIQUE (data_set_id, flight_number, suffix, variation, leg_sequence)
);

-- SSIM record type 4, a data element (DEI) of the segment that the leg record before it begins or belongs to.
CREATE TABLE schedule_segment_data (
    data_set_id bigint NOT NULL,
    position    integer NOT NULL,
    period_position integer NOT NULL,
    element     text NOT NULL CHECK (element ~ '^[0-9]{3}$'),
    board_point text NOT NULL,
    off_point   text NOT NULL,
    data        text NOT NULL,
    record      text NOT NULL CHECK (length(record) = 200),
    PRIMARY KEY (data_set_id, position),
    FOREIGN KEY (data_set_id, period_position) REFERENCES schedule_periods (data_set_id, position)
);

-- Which seats an aircraft of a configuration has: rows from nose to tail as JSON.
CREATE TABLE cabin_layouts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    carrier       text NOT NULL REFERENCES carriers (code),
    aircraft_type text NOT NULL REFERENCES aircraft_types (iata),
    configuration text NOT NULL,
    name          text NOT NULL,
    rows          jsonb NOT NULL CHECK (jsonb_typeof(rows) = 'array'),
    version       integer NOT NULL DEFAULT 1,
    UNIQUE (carrier, aircraft_type, configuration)
);

-- The operation of a flight number on a local date at the origin of its first leg. schedule_date is the date by which
-- the data set counts it: the same in local time mode, the UTC date in UTC mode.
CREATE TABLE flight_dates (
    id              uuid PRIMARY KEY,
    carrier         text NOT NULL REFERENCES carriers (code),
    flight_number   smallint NOT NULL CHECK (flight_number BETWEEN 1 AND 9999),
    suffix          text NOT NULL DEFAULT '' CHECK (suffix ~ '^[A-Z]?$'),
    departure_date  date NOT NULL,
    schedule_date   date NOT NULL,
    source          text NOT NULL CHECK (source IN ('ssim', 'nycflights')),
    service_type    text NOT NULL CHECK (service_type ~ '^[A-Z]$'),
    on_sale         boolean NOT NULL,
    status          text NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'cancelled', 'departed')),
    cancelled_by    text CHECK (cancelled_by IN ('schedule', 'operations')),
    first_departure_at timestamptz NOT NULL,
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT ais_now(),
    changed_at      timestamptz NOT NULL DEFAULT ais_now(),
    UNIQUE (carrier, flight_number, suffix, departure_date),
    CHECK ((status = 'cancelled') = (cancelled_by IS NOT NULL))
);
CREATE INDEX flight_dates_departure_date ON flight_dates (departure_date, carrier);

-- One take-off and landing. The scheduled times are the aircraft's, the passenger times are what is sold. A leg that
-- the schedule no longer has stays as a cancelled row: seats were counted on it.
CREATE TABLE legs (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flight_date_id         uuid NOT NULL REFERENCES flight_dates,
    sequence               smallint NOT NULL CHECK (sequence > 0),
    origin                 text NOT NULL REFERENCES airports (iata),
    destination            text NOT NULL REFERENCES airports (iata),
    scheduled_departure_at timestamptz NOT NULL,
    scheduled_arrival_at   timestamptz NOT NULL,
    passenger_departure_at timestamptz NOT NULL,
    passenger_arrival_at   timestamptz NOT NULL,
    departure_terminal     text NOT NULL DEFAULT '',
    arrival_terminal       text NOT NULL DEFAULT '',
    aircraft_type          text NOT NULL REFERENCES aircraft_types (iata),
    configuration          text NOT NULL CHECK (configuration ~ '^([A-Z][0-9]{1,3})*$'),
    booking_classes        text NOT NULL DEFAULT '',
    equipment_set_by       text NOT NULL DEFAULT 'schedule' CHECK (equipment_set_by IN ('schedule', 'operations')),
    cabin_layout_id        bigint REFERENCES cabin_layouts,
    aircraft_registration  text,
    status                 text NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'cancelled', 'departed')),
    UNIQUE (flight_date_id, sequence, origin, destination),
    CHECK (scheduled_arrival_at > scheduled_departure_at),
    CHECK (passenger_arrival_at > passenger_departure_at)
);
CREATE UNIQUE INDEX legs_in_sequence ON legs (flight_date_id, sequence) WHERE status <> 'cancelled';

-- What is sold under the flight's number: every pair of a board and a later off point. Passenger times.
CREATE TABLE segments (
    id                      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flight_date_id          uuid NOT NULL REFERENCES flight_dates,
    board_sequence          smallint NOT NULL,
    off_sequence            smallint NOT NULL CHECK (off_sequence >= board_sequence),
    origin                  text NOT NULL REFERENCES airports (iata),
    destination             text NOT NULL REFERENCES airports (iata),
    departs_at              timestamptz NOT NULL,
    arrives_at              timestamptz NOT NULL,
    departure_date          date NOT NULL,
    marketing_carrier       text NOT NULL,
    marketing_flight_number text NOT NULL,
    operating_carrier       text NOT NULL,
    operating_flight_number text NOT NULL,
    codeshares              text NOT NULL DEFAULT '',
    traffic_restriction     text NOT NULL DEFAULT '',
    on_sale                 boolean NOT NULL,
    status                  text NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'cancelled', 'departed')),
    UNIQUE (flight_date_id, board_sequence, off_sequence, origin, destination),
    CHECK (arrives_at > departs_at)
);
CREATE UNIQUE INDEX segments_in_sequence ON segments (flight_date_id, board_sequence, off_sequence)
    WHERE status <> 'cancelled';
CREATE INDEX segments_departs_at ON segments (departs_at);

-- The time a passenger and a bag need between two flights. Empty columns hold for every value; the most specific
-- row wins, in the order carriers, terminals, kind, airport.
CREATE TABLE minimum_connecting_times (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    airport           text REFERENCES airports (iata),
    kind              text CHECK (kind IN ('DD', 'DI', 'ID', 'II')),
    arrival_terminal  text,
    departure_terminal text,
    arrival_carrier   text REFERENCES carriers (code),
    departure_carrier text REFERENCES carriers (code),
    minutes           smallint NOT NULL CHECK (minutes BETWEEN 0 AND 1440),
    version           integer NOT NULL DEFAULT 1,
    CHECK (airport IS NOT NULL OR (arrival_terminal IS NULL AND departure_terminal IS NULL)),
    UNIQUE NULLS NOT DISTINCT (
        airport, kind, arrival_terminal, departure_terminal, arrival_carrier, departure_carrier
    )
);
-- What holds where nobody has said anything else.
INSERT INTO minimum_connecting_times (kind, minutes) VALUES ('DD', 45), ('DI', 60), ('ID', 60), ('II', 60);

-- What changed on a flight date that existed, by an import or by hand, with what was sold on it then. History.
CREATE TABLE flight_date_changes (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flight_date_id uuid NOT NULL REFERENCES flight_dates,
    import_id      uuid REFERENCES schedule_imports DEFERRABLE INITIALLY DEFERRED,
    kinds          text[] NOT NULL CHECK (
        cardinality(kinds) > 0
        AND kinds <@ ARRAY['cancelled', 'reinstated', 'rerouted', 'retimed', 'equipment', 'details']
    ),
    legs           jsonb NOT NULL,
    seats_sold     integer NOT NULL CHECK (seats_sold >= 0),
    passengers     integer NOT NULL CHECK (passengers >= 0),
    changed_by     text NOT NULL,
    reason         text NOT NULL,
    changed_at     timestamptz NOT NULL DEFAULT ais_now()
);
CREATE INDEX flight_date_changes_flight_date ON flight_date_changes (flight_date_id);
CREATE INDEX flight_date_changes_import ON flight_date_changes (import_id) WHERE import_id IS NOT NULL;
CREATE TRIGGER flight_date_changes_history BEFORE UPDATE OR DELETE ON flight_date_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a recorded flight really did, minutes early (negative) or late, for a later replay of that day.
CREATE TABLE recorded_operations (
    leg_id                   bigint PRIMARY KEY REFERENCES legs,
    cancelled                boolean NOT NULL,
    departure_delay_minutes  smallint,
    arrival_delay_minutes    smallint,
    airborne_minutes         smallint,
    recorded_departure_date  date NOT NULL,
    CHECK (NOT (cancelled AND departure_delay_minutes IS NOT NULL))
);

INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('flight_date.status', 'scheduled', 'cancelled'),
    ('flight_date.status', 'cancelled', 'scheduled'),
    ('flight_date.status', 'scheduled', 'departed');
CREATE TRIGGER flight_dates_status BEFORE UPDATE OF status ON flight_dates
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('flight_date.status', 'status');
INSERT INTO data_versions (name) VALUES ('timetable') ON CONFLICT DO NOTHING;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
