"""``ais fares``: what it costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from ais.app.cli.edge import CARRIER, PLACE, actor, reference_of, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.app.cli.reasons import reason_option
from ais.fares import (
    Brand,
    DateRange,
    FareImportReport,
    FareRule,
    FareVersion,
    TaxVersion,
    import_fares,
    show_brands,
    show_fares,
    show_taxes,
    withdraw_fare,
    withdraw_tax,
)
from ais.kit import Money
from ais.platform.database import Database, UnitOfWork
from ais.platform.settings import Settings


@click.group()
def fares() -> None:
    """What it costs: fares, rules, brands, taxes and carrier charges."""


@fares.command("import")
@click.argument("paths", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True, metavar="PATH...")
@json_option
@click.pass_obj
def import_files(output: Output, paths: tuple[Path, ...]) -> None:
    """Bring in fare files: each PATH is one of them or a folder that holds them.

    fares.csv with fare_rules.csv, brands.csv, discounts.csv, taxes.csv, points_of_sale.csv; see
    docs/formats/fares-csv.md. A row that differs from what is filed begins a new version and ends the old one's sale.
    Files with mistakes are refused together, each mistake with its line and column; the exit code is 1 then.
    """
    files = _read(paths)

    async def bring_in(database: Database, _settings: Settings) -> FareImportReport:
        reference = await reference_of(database)
        with output.waiting("Filing fares"):
            async with database.unit_of_work(actor()) as uow:
                return await import_fares(uow, files, reference)

    report = with_database(output, bring_in, tells=True)
    output.document({"changed": report.changed_anything, **{name: getattr(report, name) for name in _REPORTED}})
    if not report.changed_anything:
        output.say("These files are in force already: nothing changed.")
        return
    output.table(
        ("Rows of", "Begun>", "Ended>", "Unchanged>", "Sold no more>"),
        [
            (name, counts.added, counts.ended, counts.unchanged, counts.past)
            for name, counts in (("fares", report.fares), ("taxes", report.taxes), ("discounts", report.discounts))
        ],
    )
    output.say(f"{report.brands} brands and {report.points_of_sale} points of sale were new or differed.")


_REPORTED = ("fares", "taxes", "discounts", "brands", "points_of_sale")


@fares.command("show")
@click.argument("places", type=PLACE, nargs=-1, metavar="[PLACE [PLACE]]")
@click.option("--carrier", type=CARRIER, help="Only fares of this carrier.")
@click.option("--brand", help="Only fares of this brand.")
@click.option("--at", type=click.DateTime(), help="What is on sale at this instant, UTC.  [default: now]")
@click.option("--all", "every", is_flag=True, help="Every version, on sale or not.")
@click.option("--taxes", is_flag=True, help="Taxes, fees and carrier charges in place of fares.")
@click.option("--country", help="With --taxes: only those of this country.")
@click.option("--code", help="With --taxes: only those of this code.")
@click.option("--brands", is_flag=True, help="Brands in place of fares.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def show(
    output: Output,
    places: tuple[str, ...],
    carrier: str | None,
    brand: str | None,
    at: datetime | None,
    every: bool,
    taxes: bool,
    country: str | None,
    code: str | None,
    brands: bool,
    limit: int,
) -> None:
    """Show the fares between two cities or airports, or all of one; with their rules.

    A fare of a market is filed between its two places, whichever is named first. Exit code 1 if there is none.
    """
    if len(places) > 2 or (taxes and brands) or (places and (taxes or brands)):
        raise click.UsageError("Ask for the fares between at most two places, for --taxes, or for --brands.")
    if (country or code) and not taxes:
        raise click.UsageError("--country and --code go with --taxes.")

    async def look(database: Database, _settings: Settings) -> Sequence[FareVersion | TaxVersion | Brand]:
        from datetime import UTC

        instant = None if every else (at.replace(tzinfo=UTC) if at else database.clock.now())
        async with database.connection() as connection:
            if brands:
                return await show_brands(connection)
            if taxes:
                country_code = country.upper() if country else None
                return await show_taxes(connection, country=country_code, code=code, at=instant, limit=limit)
            return await show_fares(connection, carrier=carrier, between=places, brand=brand, at=instant, limit=limit)

    found = with_database(output, look)
    kind = "brands" if brands else "taxes" if taxes else "fares"
    output.document({kind: [_document(each) for each in found]})
    if not found:
        output.note(f"There are no such {kind}.")
        end(NOT_SO)
    if brands:
        output.table(_BRAND_COLUMNS, [_brand_row(each) for each in found if isinstance(each, Brand)])
    elif taxes:
        output.table(_TAX_COLUMNS, [_tax_row(each) for each in found if isinstance(each, TaxVersion)])
    else:
        output.table(_FARE_COLUMNS, [_fare_row(each) for each in found if isinstance(each, FareVersion)])
    if not brands:
        output.limited(limit, len(found))


@fares.command("withdraw")
@click.argument("version_id", type=click.IntRange(1))
@reason_option
@json_option
@click.pass_obj
def withdraw(output: Output, version_id: int, reason: str) -> None:
    """Take a fare from sale at once and for good, such as one that was filed in error.

    VERSION_ID is the version that `ais fares show` names. Web processes know within about a second: no search finds the
    fare then, and an offer that names it is refused with PRICE_CHANGED and today's price. What was ordered stays as it
    is. Exit code 1 if there is no such version or it was withdrawn before.
    """
    _withdraw(output, withdraw_fare, "fare", version_id, reason)


@fares.command("withdraw-tax")
@click.argument("version_id", type=click.IntRange(1))
@reason_option
@json_option
@click.pass_obj
def withdraw_tax_version(output: Output, version_id: int, reason: str) -> None:
    """Stop collecting a tax, fee or carrier charge at once and for good.

    VERSION_ID is the version that `ais fares show --taxes` names. Offers that include it are refused with PRICE_CHANGED
    and today's price; what was ordered stays as it is. Exit code 1 if there is no such version or it was withdrawn
    before.
    """
    _withdraw(output, withdraw_tax, "tax", version_id, reason)


def _withdraw(
    output: Output, take_off: Callable[[UnitOfWork, int, str], Awaitable[None]], what: str, version_id: int, reason: str
) -> None:
    async def do(database: Database, _settings: Settings) -> None:
        async with database.unit_of_work(actor()) as uow:
            await take_off(uow, version_id, reason)

    with_database(output, do, tells=True)
    output.document({"kind": what, "version": version_id, "withdrawn": True, "reason": reason})
    output.say(f"Version {version_id} of a {what} is withdrawn: offers that hold it are refused from now on.")


def _read(paths: Sequence[Path]) -> dict[str, str]:
    """The texts of the files by name; a name may come once."""
    files: dict[str, str] = {}
    for path in paths:
        members = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not members:
            raise click.UsageError(f"{path} holds no .csv file.")
        for member in members:
            if member.name in files:
                raise click.UsageError(f"{member.name} is named twice.")
            try:
                files[member.name] = member.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise click.UsageError(f"{member} cannot be read as UTF-8 text: {error}.") from error
    return files


_FARE_COLUMNS = (
    "Version>", "Carrier", "Market", "Fare basis", "Class", "Brand", "Cabin", "Amount>", "Trip", "On sale", "Rule",
)  # fmt: skip
_BRAND_COLUMNS = ("Carrier", "Brand", "Rank>", "Name", "Arabic name")
_TAX_COLUMNS = (
    "Version>", "Code", "Kind", "Name", "Where", "Point", "Scope", "Amount>", "Refundable", "On sale", "Restrictions",
)  # fmt: skip


def _brand_row(brand: Brand) -> Sequence[Any]:
    return brand.carrier, brand.code, brand.rank, brand.name_en, brand.name_ar


def _document(each: FareVersion | TaxVersion | Brand) -> Any:
    """The row as it is, sums as the API writes them."""
    import msgspec

    values = {name: getattr(each, name) for name in each.__struct_fields__}
    return {
        name: {"amount": value.amount, "currency": value.currency} if isinstance(value, Money) else value
        for name, value in values.items()
        if not isinstance(value, FareRule)
    } | {name: msgspec.to_builtins(value) for name, value in values.items() if isinstance(value, FareRule)}


def _fare_row(fare: FareVersion) -> Sequence[Any]:
    arrow = "↔" if fare.both_directions else "→"
    return (
        fare.id,
        fare.carrier,
        f"{fare.origin} {arrow} {fare.destination}",
        fare.fare_basis,
        fare.rbd,
        fare.brand,
        fare.cabin,
        fare.amount,
        fare.trip_type.replace("_", " "),
        _sale(fare),
        "; ".join(_restrictions(fare)),
    )


def _tax_row(tax: TaxVersion) -> Sequence[Any]:
    if tax.amount is not None:
        amount = str(tax.amount)
    else:
        amount = f"{(tax.basis_points or 0) / 100:g} % of {' + '.join(tax.percent_of)}"
    limits = [*tax.airports, *([tax.carrier] if tax.carrier else []), *tax.cabins, *tax.brands]
    if tax.exempt_passengers:
        limits.append("not for " + ", ".join(each.code for each in tax.exempt_passengers))
    if tax.exempt_transit_hours is not None:
        limits.append(f"not in transit of {tax.exempt_transit_hours} h or less")
    if tax.example:
        limits.append("an example")
    return (
        tax.id,
        tax.code,
        tax.kind.replace("_", " "),
        tax.name_en,
        tax.country or "everywhere",
        tax.point,
        tax.scope.replace("_", " "),
        amount,
        tax.refundable,
        _sale(tax),
        "; ".join(limits),
    )


def _sale(version: FareVersion | TaxVersion) -> str:
    if version.withdrawn_at is not None:
        return f"withdrawn {version.withdrawn_at:%Y-%m-%d}"
    ends = f" to {version.sale_ends_at:%Y-%m-%d}" if version.sale_ends_at else ""
    return f"from {version.sale_starts_at:%Y-%m-%d}{ends}"


def _restrictions(fare: FareVersion) -> list[str]:
    """What the fare asks for, in the words of its rule."""
    rule = fare.rule
    answer = [rule.name]
    if rule.advance_purchase_days:
        answer.append(f"{rule.advance_purchase_days} days ahead")
    if rule.min_stay_days or rule.max_stay_days:
        answer.append(f"stay of {rule.min_stay_days or 0} to {rule.max_stay_days or 'any'} days")
    if rule.travel_days:
        answer.append("on days " + "".join(map(str, rule.travel_days)))
    if rule.seasons:
        answer.append("in season " + ", ".join(map(_period, rule.seasons)))
    if rule.blackouts:
        answer.append("not " + ", ".join(map(_period, rule.blackouts)))
    if fare.travel_from or fare.travel_until:
        answer.append(f"travel {_day(fare.travel_from)} to {_day(fare.travel_until)}")
    if fare.points_of_sale:
        answer.append("sold in " + ", ".join(fare.points_of_sale))
    for name, tiers in (("refund", rule.penalties.refund), ("change", rule.penalties.change)):
        answer.append(name if tiers else f"no {name}")
    return answer


def _period(period: DateRange) -> str:
    return f"{period.first}/{period.last}"


def _day(day: date | None) -> str:
    return str(day) if day else "any date"
