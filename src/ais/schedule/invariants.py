"""What is always true of the stored schedule, one statement each: ``ais verify`` runs them."""

from __future__ import annotations

from ais.platform.invariants import Invariant

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "schedule.legs_connect",
        "The legs of a flown flight date are numbered 1, 2, ..., and each leaves where and after the last arrived.",
        """SELECT flight.id AS flight_date_id, ordered.sequence, ordered.place, ordered.origin, ordered.came_to
        FROM flight_dates AS flight
        LEFT JOIN LATERAL (
            SELECT sequence, origin, scheduled_departure_at,
                row_number() OVER by_sequence AS place,
                lag(destination) OVER by_sequence AS came_to,
                lag(scheduled_arrival_at) OVER by_sequence AS came_at
            FROM legs WHERE flight_date_id = flight.id AND status <> 'cancelled'
            WINDOW by_sequence AS (ORDER BY sequence)
        ) AS ordered ON true
        WHERE flight.status <> 'cancelled' AND (
            ordered.sequence IS NULL OR ordered.sequence <> ordered.place
            OR ordered.came_to <> ordered.origin OR ordered.came_at > ordered.scheduled_departure_at
        )""",
    ),
    Invariant(
        "schedule.segments_follow_legs",
        "A segment that is flown has the airports and passenger times of the legs where it begins and ends.",
        """SELECT segment.id AS segment_id, segment.flight_date_id
        FROM segments AS segment
        LEFT JOIN legs AS board ON board.flight_date_id = segment.flight_date_id AND board.status <> 'cancelled'
            AND board.sequence = segment.board_sequence
        LEFT JOIN legs AS off ON off.flight_date_id = segment.flight_date_id AND off.status <> 'cancelled'
            AND off.sequence = segment.off_sequence
        WHERE segment.status <> 'cancelled'
            AND (board.origin, off.destination, board.passenger_departure_at, off.passenger_arrival_at)
                IS DISTINCT FROM (segment.origin, segment.destination, segment.departs_at, segment.arrives_at)""",
    ),
    Invariant(
        "schedule.every_pair_is_a_segment",
        "A flight date of n legs that is flown has n * (n + 1) / 2 segments.",
        """SELECT flight.id AS flight_date_id, leg.legs, coalesce(segment.segments, 0) AS segments
        FROM flight_dates AS flight
        JOIN (SELECT flight_date_id, count(*) AS legs FROM legs WHERE status <> 'cancelled' GROUP BY 1) AS leg
            ON leg.flight_date_id = flight.id
        LEFT JOIN (
            SELECT flight_date_id, count(*) AS segments FROM segments WHERE status <> 'cancelled' GROUP BY 1
        ) AS segment ON segment.flight_date_id = flight.id
        WHERE flight.status <> 'cancelled' AND leg.legs * (leg.legs + 1) / 2 <> coalesce(segment.segments, 0)""",
    ),
    Invariant(
        "schedule.cancelled_flights_have_nothing_flown",
        "No leg or segment of a cancelled flight date is flown or sold.",
        """SELECT flight.id AS flight_date_id FROM flight_dates AS flight
        WHERE flight.status = 'cancelled' AND (
            EXISTS (SELECT FROM legs WHERE flight_date_id = flight.id AND status <> 'cancelled')
            OR EXISTS (SELECT FROM segments WHERE flight_date_id = flight.id AND status <> 'cancelled')
        )""",
    ),
    Invariant(
        "schedule.only_passenger_flights_are_sold",
        "Freight, mail, positioning and charter flights are never on sale, nor any segment of them.",
        """SELECT flight.id AS flight_date_id, flight.service_type FROM flight_dates AS flight
        WHERE (flight.on_sale AND flight.service_type NOT IN ('J', 'S', 'U', 'Q', 'G', 'B', 'R'))
            OR (NOT flight.on_sale AND EXISTS (
                SELECT FROM segments WHERE flight_date_id = flight.id AND on_sale AND status <> 'cancelled'
            ))""",
    ),
    Invariant(
        "schedule.flights_lie_in_a_validity",
        "Every flight date that an SSIM schedule flies lies in the validity of one of its carrier's data sets.",
        """SELECT flight.id AS flight_date_id, flight.carrier, flight.schedule_date FROM flight_dates AS flight
        WHERE flight.source = 'ssim' AND flight.status = 'scheduled' AND NOT EXISTS (
            SELECT FROM schedule_data_sets AS data_set
            WHERE data_set.carrier = flight.carrier AND data_set.validity @> flight.schedule_date
        )""",
    ),
)
