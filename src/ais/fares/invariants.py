"""What is always true of stored fare data, one statement each: ``ais verify`` runs them."""

from __future__ import annotations

from ais.platform.invariants import Invariant

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "fares.replaced_versions_end",
        "The sale of every version of a fare, tax or discount that was replaced or withdrawn has an end.",
        """SELECT 'fare' AS kind, id, key FROM fare_versions
        WHERE (superseded_at IS NOT NULL OR withdrawn_at IS NOT NULL) AND sale_ends_at IS NULL
        UNION ALL
        SELECT 'tax', id, key FROM tax_versions
        WHERE (superseded_at IS NOT NULL OR withdrawn_at IS NOT NULL) AND sale_ends_at IS NULL
        UNION ALL
        SELECT 'discount', id, key FROM discount_versions WHERE superseded_at IS NOT NULL AND sale_ends_at IS NULL""",
    ),
    Invariant(
        "fares.percentages_have_bases",
        "Every tax that is a percentage names bases that exist: the fare, all carrier charges, or codes of taxes.",
        """SELECT id, code, base FROM tax_versions CROSS JOIN LATERAL unnest(percent_of) AS base
        WHERE base NOT IN ('FARE', 'CHARGES') AND base NOT IN (SELECT code FROM tax_versions)""",
    ),
    Invariant(
        "fares.brands_are_known",
        "Discounts and taxes that name brands name brands that exist.",
        """SELECT 'discount' AS kind, id, brand FROM discount_versions AS discount
        WHERE brand <> '' AND NOT EXISTS (
            SELECT FROM fare_brands WHERE carrier = discount.carrier AND code = discount.brand
        )
        UNION ALL
        SELECT 'tax', id, brand FROM tax_versions CROSS JOIN LATERAL unnest(brands) AS brand
        WHERE brand NOT IN (SELECT code FROM fare_brands)""",
    ),
    Invariant(
        "fares.rules_are_complete",
        "The rule of every fare is whole: its penalties and its baggage are there, and a one-way fare has no stay.",
        """SELECT id, key FROM fare_versions
        WHERE NOT rule ?& ARRAY['name', 'penalties', 'baggage', 'combination']
            OR (trip_type = 'one_way'
                AND (rule ->> 'min_stay_days' IS NOT NULL OR rule ->> 'max_stay_days' IS NOT NULL))""",
    ),
)
