"""Joining the itineraries of several slices into journeys, in the order of what they cost.

Pure. Itineraries of a slice that pricing cannot tell apart share a signature, so that a journey is priced once for all
the combinations of flights that cost the same; see docs/algorithms/shopping.md.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice, product, zip_longest
from typing import Generic, Protocol, TypeVar

# How many itineraries of each slice are combined, by the number of slices: at most about a thousand journeys.
OPTIONS_MAX = {1: 60, 2: 16, 3: 8, 4: 5, 5: 4, 6: 3}
# How many journeys of different price signature one search prices.
PRICED_MAX = 64


class Option(Protocol):
    """One itinerary of a slice, as combining sees it. Equal ``signature``: the same price beside the same others."""

    @property
    def signature(self) -> Hashable: ...
    @property
    def minutes(self) -> int: ...
    @property
    def departs_at(self) -> datetime: ...


class Priced(Protocol):
    """The price of a journey in one brand."""

    @property
    def brand(self) -> str: ...
    @property
    def total_minor(self) -> int: ...


OptionT = TypeVar("OptionT", bound=Option)
PricedT = TypeVar("PricedT", bound=Priced)
Rank = tuple[int, int, datetime]


class Journey(Generic[OptionT, PricedT]):
    """One itinerary per slice at one price; ``rank`` orders journeys by total, then duration, then departure."""

    __slots__ = ("options", "price", "rank")

    def __init__(self, options: tuple[OptionT, ...], price: PricedT, minutes: int) -> None:
        self.options = options
        self.price = price
        self.rank: Rank = (price.total_minor, minutes, options[0].departs_at)


def combine(
    slices: Sequence[Sequence[OptionT]],
    *,
    follows: Callable[[OptionT, OptionT], bool],
    price: Callable[[tuple[OptionT, ...]], Iterable[PricedT]],
    limit: int,
) -> list[Journey[OptionT, PricedT]]:
    """At most ``limit`` journeys over one option of each slice, ordered by total, then duration, then departure.

    ``follows`` says whether an option of a slice can come after one of the slice before; ``price`` answers a journey's
    prices, one per brand. The brands take turns, the one with the cheapest journey first, each giving its cheapest
    journeys: the cheapest of all is always among them, and each brand as far as ``limit`` reaches.
    """
    groups = [_by_signature(options, OPTIONS_MAX[len(slices)]) for options in slices]
    streams: dict[str, list[list[Journey[OptionT, PricedT]]]] = {}
    priced = 0
    for alike in _in_turn(groups):
        combinations = _feasible(alike, follows)
        if not combinations:
            continue
        priced += 1
        for each in price(combinations[0][1]):
            journeys = [Journey(options, each, minutes) for minutes, options in combinations[:limit]]
            streams.setdefault(each.brand, []).append(journeys)
        if priced == PRICED_MAX:
            break
    chosen = list(islice(_brands_take_turns(streams), limit))
    chosen.sort(key=lambda journey: journey.rank)
    return chosen


def _by_signature(options: Sequence[OptionT], most: int) -> list[list[OptionT]]:
    """The options grouped by signature, at most ``most`` of them: the groups take turns, each giving its first."""
    groups: dict[Hashable, list[OptionT]] = {}
    for option in options:
        groups.setdefault(option.signature, []).append(option)
    if len(options) <= most:
        return list(groups.values())
    in_turn = chain.from_iterable(zip_longest(*groups.values()))
    chosen = list(islice((option for option in in_turn if option is not None), most))
    return _by_signature(chosen, most)


def _in_turn(groups: Sequence[Sequence[list[OptionT]]]) -> list[tuple[list[OptionT], ...]]:
    """One group of each slice in every combination, those of the first groups first."""
    if all(len(of_slice) == 1 for of_slice in groups):
        return [tuple(of_slice[0] for of_slice in groups)]
    places = sorted(product(*(range(len(of_slice)) for of_slice in groups)), key=sum)
    return [
        tuple(of_slice[place] for of_slice, place in zip(groups, combination, strict=True)) for combination in places
    ]


def _feasible(
    alike: tuple[list[OptionT], ...], follows: Callable[[OptionT, OptionT], bool]
) -> list[tuple[int, tuple[OptionT, ...]]]:
    """Every sequence in which each option follows the one before, with its minutes of travel, shortest first."""
    sequences: list[tuple[OptionT, ...]] = [(option,) for option in alike[0]]
    for options in alike[1:]:
        sequences = [(*before, option) for before in sequences for option in options if follows(before[-1], option)]
    timed = [(sum(option.minutes for option in options), options) for options in sequences]
    timed.sort(key=lambda each: (each[0], each[1][0].departs_at))
    return timed


def _brands_take_turns(
    streams: Mapping[str, list[list[Journey[OptionT, PricedT]]]],
) -> Iterator[Journey[OptionT, PricedT]]:
    # A journey's rank can be equal to another's; what is merged is then taken in the order in which it was priced.
    merged = [list(heapq.merge(*of_brand, key=lambda journey: journey.rank)) for of_brand in streams.values()]
    merged.sort(key=lambda journeys: journeys[0].rank)
    for turn in zip_longest(*merged):
        for journey in turn:
            if journey is not None:
                yield journey
