"""The fare book: an immutable snapshot of all fare data, indexed for pricing."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from ais.fares.domain.facts import AirportFacts, ExchangeRates
from ais.fares.domain.fare import Brand, DiscountVersion, FareVersion, PointOfSale
from ais.fares.domain.sale import RuleBands, Sale
from ais.fares.domain.tax import TaxVersion
from ais.fares.errors import PriceDataMissing

ANY_POINT_OF_SALE = "*"
_SALES_KEPT = 12


class FareBook:
    """All versions of fares, taxes and discounts that matter now, at one version of the data.

    Also holds versions whose sale has ended lately, because offers made before are still to be honoured.
    """

    def __init__(
        self,
        *,
        version: int,
        fares: Iterable[FareVersion],
        taxes: Iterable[TaxVersion],
        discounts: Iterable[DiscountVersion],
        brands: Iterable[Brand],
        points_of_sale: Iterable[PointOfSale],
        facts: AirportFacts,
        rates: ExchangeRates,
    ) -> None:
        self.version = version
        self.facts = facts
        self.rates = rates
        self.fares: Mapping[int, FareVersion] = MappingProxyType({fare.id: fare for fare in fares})
        self.taxes: Mapping[int, TaxVersion] = MappingProxyType({tax.id: tax for tax in taxes})
        self.brands: Mapping[tuple[str, str], Brand] = MappingProxyType(
            {(each.carrier, each.code): each for each in brands}
        )
        self._discounts = tuple(discounts)
        self._points_of_sale = {place.code: place for place in points_of_sale}
        self._fares_between: dict[tuple[str, str, str], list[FareVersion]] = {}
        for fare in self.fares.values():
            self._fares_between.setdefault((fare.carrier, fare.origin, fare.destination), []).append(fare)
        rules = {id(fare.rule): fare.rule for fare in self.fares.values()}.values()
        self._bands = RuleBands(
            advance=sorted({timedelta(rule.advance_purchase_days or 0) for rule in rules}),
            stay=sorted(
                {rule.min_stay_days for rule in rules if rule.min_stay_days is not None}
                | {rule.max_stay_days + 1 for rule in rules if rule.max_stay_days is not None}
            ),
        )
        self._changes = sorted(
            {fare.sale_starts_at for fare in self.fares.values()}
            | {end for fare in self.fares.values() if (end := fare.sale_end()) is not None}
            | {tax.sale_starts_at for tax in self.taxes.values()}
            | {end for tax in self.taxes.values() if (end := tax.sale_end()) is not None}
            | {row.sale_starts_at for row in self._discounts}
            | {row.sale_ends_at for row in self._discounts if row.sale_ends_at is not None}
        )
        self._sales: OrderedDict[tuple[int, date, str], Sale] = OrderedDict()

    def fares_between(self, carrier: str, origin: str, destination: str) -> list[FareVersion]:
        """Every fare filed from ``origin`` to ``destination`` (airport or city codes), on sale or not."""
        return self._fares_between.get((carrier, origin, destination), [])

    def point_of_sale(self, code: str) -> PointOfSale:
        """How a point of sale charges; raises :class:`PriceDataMissing` if neither it nor a default is on file."""
        place = self._points_of_sale.get(code) or self._points_of_sale.get(ANY_POINT_OF_SALE)
        if place is None:
            raise PriceDataMissing(missing=f"the currency of the point of sale {code}")
        return place

    def sale(self, at: datetime, point_of_sale: str) -> Sale:
        """What is on sale at that instant there. Instants between two changes of the data on one day share one.

        Raises :class:`PriceDataMissing` without a currency for the point of sale, :class:`CircularPercentages` if the
        taxes cannot be put in an order.
        """
        key = (bisect_right(self._changes, at), at.date(), point_of_sale)
        known = self._sales.get(key)
        if known is None:
            known = Sale(
                fares_between=self._fares_between,
                taxes=tuple(self.taxes.values()),
                discounts=self._discounts,
                facts=self.facts,
                rates=self.rates,
                bands=self._bands,
                at=at,
                point_of_sale=self.point_of_sale(point_of_sale),
                seller=point_of_sale,
            )
            self._sales[key] = known
            if len(self._sales) > _SALES_KEPT:
                self._sales.popitem(last=False)
        return known

    def brand_rank(self, carrier: str, brand: str) -> int:
        """The rank of a brand; one without a row of its own comes last."""
        row = self.brands.get((carrier, brand))
        return row.rank if row is not None else 1_000
