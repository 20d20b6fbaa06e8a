"""Use cases on fare data: import, withdraw, look up, and the snapshot that pricing reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

import msgspec

from ais.fares import repository
from ais.fares.domain.book import ANY_POINT_OF_SALE, FareBook
from ais.fares.domain.conditions import PenaltyRules, RuleTier
from ais.fares.domain.facts import AirportFacts, ExchangeRates, convert
from ais.fares.domain.fare import Brand, FareVersion, PointOfSale
from ais.fares.domain.tax import CircularPercentages, TaxVersion, in_order
from ais.fares.domain.versioning import VersionPlan, plan_versions
from ais.fares.errors import AlreadyWithdrawn, FareImportRefused, FareVersionNotFound
from ais.fares.events import FaresImported, FareWithdrawn, TaxWithdrawn
from ais.fares.filing.files import TAXES, Filing, read_filing
from ais.fares.filing.reader import FilingError
from ais.fares.filing.rows import FiledTax, KnownCodes, VersionedRow, filed
from ais.kit import Money
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, UnitOfWork
from ais.reference import ReferenceData, load_reference


class VersionCounts(msgspec.Struct, frozen=True):
    """Of one file: versions that began, versions that a newer one ended, rows stored as they are, rows sold no more."""

    added: int
    ended: int
    unchanged: int
    past: int


class FareImportReport(msgspec.Struct, frozen=True):
    """What an import changed; brands and points of sale count rows that were new or differed."""

    fares: VersionCounts
    taxes: VersionCounts
    discounts: VersionCounts
    brands: int
    points_of_sale: int

    @property
    def changed_anything(self) -> bool:
        files = (self.fares, self.taxes, self.discounts)
        return bool(self.brands or self.points_of_sale or any(each.added or each.ended for each in files))


async def import_fares(uow: UnitOfWork, files: Mapping[str, str], reference: ReferenceData) -> FareImportReport:
    """Bring fare files (texts by name: "fares.csv", "taxes.csv" …, see docs/formats/fares-csv.md) into the database.

    Raises :class:`FareImportRefused` with every mistake of every file, and then nothing is changed. Files that were
    imported before change nothing. What changes is told by :class:`FaresImported` and a new version of the data.
    """
    connection = uow.connection
    now = await repository.lock_for_import(connection)
    brands = {(brand.carrier, brand.code) for brand in await repository.select_brands(connection)}
    current_taxes = await repository.select_current_taxes(connection, ())
    known = KnownCodes(reference.airports, reference.cities, reference.countries, reference.carriers)
    filing, errors = read_filing(files, known, brands, {tax.code for tax in current_taxes})
    if not errors:
        errors = await _circles(connection, filing, now)
    if errors:
        raise FareImportRefused([msgspec.to_builtins(error) for error in errors])
    changed_brands = await repository.upsert_brands(connection, filing.brands)
    changed_places = await repository.upsert_points_of_sale(connection, filing.points_of_sale)
    report = FareImportReport(
        fares=await _file_versions(uow, repository.FARES, filing.fares, now),
        taxes=await _file_versions(uow, repository.TAXES, filing.taxes, now),
        discounts=await _file_versions(uow, repository.DISCOUNTS, filing.discounts, now),
        brands=changed_brands,
        points_of_sale=changed_places,
    )
    if report.changed_anything:
        await repository.bump_fares_version(connection)
        counts = (report.fares, report.taxes, report.discounts)
        await record(uow, _entry(report))
        uow.publish(FaresImported(sum(each.added for each in counts), sum(each.ended for each in counts)))
    return report


def _entry(report: FareImportReport) -> Entry:
    kinds = {"fares": report.fares, "taxes": report.taxes, "discounts": report.discounts}
    after = {f"{name}_added": counts.added for name, counts in kinds.items()}
    after |= {f"{name}_ended": counts.ended for name, counts in kinds.items()}
    after |= {"brands": report.brands, "points_of_sale": report.points_of_sale}
    return Entry(action="fares.imported", subject="fares", after=after)


async def _file_versions(uow: UnitOfWork, table: str, rows: Sequence[VersionedRow], now: datetime) -> VersionCounts:
    filed_rows = [filed(row) for row in rows]
    stored = await repository.select_versions_of(uow.connection, table, {row.key for row in filed_rows})
    plan: VersionPlan = plan_versions(filed_rows, stored, now)
    if plan.ends:
        await repository.end_versions(uow.connection, table, plan, now)
    if plan.begins:
        await repository.insert_versions(uow.connection, table, plan, rows, filed_rows, uow.actor.name)
    return VersionCounts(len(plan.begins), len(plan.ends), plan.unchanged, plan.past)


async def _circles(connection: Connection, filing: Filing, now: datetime) -> list[FilingError]:
    """The mistake that the filed taxes, beside those that stay, are percentages of each other in a circle."""
    staying = await repository.select_current_taxes(connection, {row.key for row in filing.taxes})
    try:
        in_order([*staying, *(_as_version(row, now) for row in filing.taxes)])
    except CircularPercentages as circle:
        return [
            FilingError(TAXES, line, "percent_of", " ".join(row.percent_of), f"no circle ({circle})")
            for line, row in zip(filing.tax_lines, filing.taxes, strict=True)
            if row.code in circle.codes and row.percent_of
        ]
    return []


def _as_version(row: FiledTax, now: datetime) -> TaxVersion:
    return TaxVersion(
        id=0,
        code=row.code,
        kind=row.kind,
        name_en=row.name_en,
        name_ar=row.name_ar,
        point=row.point,
        scope=row.scope,
        sale_starts_at=now,
        percent_of=row.percent_of,
    )


async def withdraw_fare(uow: UnitOfWork, version_id: int, reason: str) -> None:
    """Take a fare version from sale at once and for good, whatever its sale dates: offers that name it are refused.

    Raises :class:`FareVersionNotFound` or :class:`AlreadyWithdrawn`.
    """
    await _withdraw(uow, repository.FARES, version_id, reason)
    uow.publish(FareWithdrawn(version_id))


async def withdraw_tax(uow: UnitOfWork, version_id: int, reason: str) -> None:
    """Stop collecting a tax, fee or charge at once; as :func:`withdraw_fare`."""
    await _withdraw(uow, repository.TAXES, version_id, reason)
    uow.publish(TaxWithdrawn(version_id))


async def _withdraw(uow: UnitOfWork, table: str, version_id: int, reason: str) -> None:
    await repository.lock_for_import(uow.connection)
    if not await repository.withdraw(uow.connection, table, version_id, uow.actor.name, reason):
        at = await repository.withdrawn_at(uow.connection, table, version_id)
        if at is None:
            raise FareVersionNotFound
        raise AlreadyWithdrawn(withdrawn_at=at.isoformat())
    await repository.bump_fares_version(uow.connection)
    noun = "fare" if table == repository.FARES else "tax"
    await record(uow, Entry(action=f"{noun}.withdrawn", subject=f"{noun}:{version_id}"))


async def load_fare_book(
    connection: Connection,
    as_of: datetime,
    *,
    facts: AirportFacts,
    rates: ExchangeRates,
    places: Collection[str] | None = None,
) -> FareBook:
    """The snapshot of what is on sale at ``as_of`` or later, or was until lately, with the version of the data.

    ``places`` (airport and city codes) leaves the fares between two of them, for who prices one journey.

    The version is read first: data that changes in between is loaded once more, never missed. A reference snapshot
    serves as ``facts`` and ``rates``.
    """
    version = await repository.fares_version(connection)
    return FareBook(
        version=version,
        fares=await repository.select_fares(connection, as_of, places),
        taxes=await repository.select_taxes(connection, as_of),
        discounts=await repository.select_discounts(connection, as_of),
        brands=await repository.select_brands(connection),
        points_of_sale=await repository.select_points_of_sale(connection),
        facts=facts,
        rates=rates,
    )


async def penalty_rules(
    connection: Connection, version_ids: Collection[int], *, point_of_sale: str, sold_on: date
) -> dict[int, PenaltyRules]:
    """The penalties of fare versions as they were sold: filed amounts in the currency of the point of sale, at the
    rates of the day of sale. Raises PriceDataMissing if a rate is not on file.
    """
    rules = {fare.id: fare.rule.penalties for fare in await repository.select_fares_by_id(connection, version_ids)}
    places = {place.code: place for place in await repository.select_points_of_sale(connection)}
    place = places.get(point_of_sale) or places.get(ANY_POINT_OF_SALE)
    tiers = [tier for rule in rules.values() for each in (rule.refund, rule.change, rule.no_show) for tier in each]
    if place is None or not any(tier.amount and tier.amount.currency != place.currency for tier in tiers):
        return rules
    rates = await load_reference(connection)

    def sold(amount: Money) -> Money:
        return convert(
            amount, place.currency, rates, sold_on, unit_minor=place.fare_unit_minor, direction=place.fare_rounding
        )

    def in_sale_currency(tiers: tuple[RuleTier, ...]) -> tuple[RuleTier, ...]:
        return tuple(
            tier if tier.amount is None else msgspec.structs.replace(tier, amount=sold(tier.amount)) for tier in tiers
        )

    return {
        version_id: PenaltyRules(
            in_sale_currency(rule.refund), in_sale_currency(rule.change), in_sale_currency(rule.no_show)
        )
        for version_id, rule in rules.items()
    }


async def show_fares(
    connection: Connection,
    *,
    carrier: str | None = None,
    between: tuple[str, ...] = (),
    brand: str | None = None,
    at: datetime | None = None,
    limit: int = 200,
) -> list[FareVersion]:
    """Fares for people to read, by market, brand and amount. ``between`` is up to two airport or city codes that are
    an end of the market each; with ``at`` only what is on sale then, else every version.
    """
    return await repository.search_fares(connection, carrier=carrier, between=between, brand=brand, at=at, limit=limit)


async def show_taxes(
    connection: Connection,
    *,
    country: str | None = None,
    code: str | None = None,
    at: datetime | None = None,
    limit: int = 200,
) -> list[TaxVersion]:
    """Taxes, fees and carrier charges for people to read, by country and code; ``at`` as in :func:`show_fares`."""
    return await repository.search_taxes(connection, country=country, code=code, at=at, limit=limit)


async def show_brands(connection: Connection) -> list[Brand]:
    """All brands by carrier and rank."""
    return await repository.select_brands(connection)


async def show_points_of_sale(connection: Connection) -> list[PointOfSale]:
    """All points of sale with their currencies."""
    return await repository.select_points_of_sale(connection)
