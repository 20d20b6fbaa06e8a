"""The rules of SSIM chapter 7 columns: characters, known codes, forms. Each says in words what it wants."""

from __future__ import annotations

import re

from ais.schedule.ssim.columns import MONTHS, OPEN_END, Rule, is_date

# SSIM appendix C. A charter is flown for whoever hired it and is not offered to the public.
SOLD_SERVICE_TYPES = frozenset("JSUQGBR")
CHARTER_SERVICE_TYPES = frozenset("CLO")
UNSOLD_SERVICE_TYPES = frozenset("FVMAHPTKDEWXIN")
SERVICE_TYPES = SOLD_SERVICE_TYPES | CHARTER_SERVICE_TYPES | UNSOLD_SERVICE_TYPES

# SSIM appendix G.
TRAFFIC_RESTRICTION_CODES = "ABCDEFGHIKMNOQTVWXYZ"

_DATE = rf"(?:0[1-9]|[12]\d|3[01])(?:{'|'.join(MONTHS)})\d\d"
_TIME = r"(?:[01]\d|2[0-3])[0-5]\d"
_AIRLINE = r"(?:(?:[A-Z][A-Z0-9]|[0-9][A-Z]) |[A-Z]{3})"
_FLIGHT_NUMBER = r"(?=[ 0]*[1-9])(?:   \d|  \d\d| \d{3}|\d{4})"
_CABINS = re.compile(r"([A-Z])(\d{1,3})")
_CONFIGURATION = re.compile(r"((?:[A-Z]\d{1,3})*)((?:(?:PP|LL)\d{1,3})*)(?:VV([A-Z0-9]+))?")
_FLIGHT_DESIGNATOR = re.compile(r"([A-Z0-9]{2}|[A-Z]{3}) *(\d{1,4})([A-Z]?)")


def blank(width: int) -> Rule:
    return Rule(f" {{{width}}}", "blanks")


def text(width: int) -> Rule:
    """Free text: what a telex carries, so no lower case."""
    return Rule(f"[ -`{{-~]{{{width}}}", "capital letters, digits, spaces and punctuation")


def _or_date(missing: str, expected: str) -> Rule:
    return Rule(f"(?:{_DATE}|{missing})", expected, lambda field: field == missing or is_date(field))


def one_of(characters: str, expected: str) -> Rule:
    return Rule(f"[{re.escape(characters)}]", expected)


def _is_left_justified(field: str) -> bool:
    return " " not in field.rstrip()


def _names_each_class_once(field: str) -> bool:
    letters = field.rstrip()
    return _is_left_justified(field) and len(set(letters)) == len(letters)


def _is_configuration(field: str) -> bool:
    match = _CONFIGURATION.fullmatch(field.rstrip())
    if match is None:
        return False
    cabins = _CABINS.findall(match[1])
    return len({letter for letter, _ in cabins}) == len(cabins) and all(int(seats) > 0 for _, seats in cabins)


def cabins_of(configuration: str) -> tuple[tuple[str, int], ...]:
    """The cabins of an aircraft configuration and their seats, in its order: ``C12Y138VV320`` has C 12 and Y 138."""
    match = _CONFIGURATION.fullmatch(configuration.rstrip())
    if match is None:
        raise ValueError(f"{configuration!r} is not an aircraft configuration")
    return tuple((letter, int(seats)) for letter, seats in _CABINS.findall(match[1]))


def flight_designators(data: str) -> tuple[tuple[str, str], ...] | None:
    """The carriers and flight numbers of ``XX 1234/YY 567A``, or None if the text is no such list."""
    found = []
    for part in data.strip().split("/"):
        match = _FLIGHT_DESIGNATOR.fullmatch(part.strip())
        if match is None or match[1].isdigit() or int(match[2]) == 0:
            return None
        found.append((match[1], f"{int(match[2])}{match[3]}"))
    return tuple(found)


SERIAL = Rule(r"\d{6}", "a serial number of six digits")
TIME_MODE = one_of("LU", "L (local times) or U (UTC)")
AIRLINE = Rule(_AIRLINE, "an airline designator of two characters and a space, or three letters")
OPTIONAL_AIRLINE = Rule(f"(?:{_AIRLINE}|   )", "an airline designator or blanks")
AIRLINES = Rule(f"{_AIRLINE}{{0,3}} *", "up to three airline designators, or blanks")
SEASON = Rule(r"(?:[SW]\d\d|   )", "a season such as S27 or W27, or blanks")
DATE = Rule(_DATE, "a date as DDMMMYY", is_date)
END_DATE = _or_date(OPEN_END, f"a date as DDMMMYY, or {OPEN_END} for no end")
OPTIONAL_DATE = _or_date(" " * 7, "a date as DDMMMYY, or blanks")
TIME = Rule(_TIME, "a time as HHMM, 0000 to 2359")
ARRIVAL_TIME = Rule(f"(?:{_TIME}|2400)", "a time as HHMM, 0000 to 2400")
STATUS = one_of("PC", "P (preliminary) or C (complete)")
MARKER = one_of(" X", "X or a blank")
SECURE_FLIGHT = one_of(" S", "S or a blank")
IN_FLIGHT_SERVICES = Rule(r"(?:\d{1,2}(?:/\d{1,2})*)? *", "service codes as 1/2/13, or blanks")
ELECTRONIC_TICKET = Rule("ET|EN|  ", "ET, EN or blanks")
SUFFIX = Rule("[A-Z ]", "a letter or a blank")
FLIGHT_NUMBER = Rule(_FLIGHT_NUMBER, "a flight number from 1 to 9999, written to the right")
OPTIONAL_FLIGHT_NUMBER = Rule(f"{_FLIGHT_NUMBER}|    ", "a flight number from 1 to 9999, or blanks")
VARIATION = Rule(r"\d\d", "two digits")
VARIATION_OVERFLOW = one_of(" 123456789", "a digit from 1 to 9, or a blank")
LEG_SEQUENCE = Rule(r"0[1-9]|[1-9]\d", "a number from 01 to 99")
SERVICE_TYPE = one_of("".join(sorted(SERVICE_TYPES)), "a service type: " + "".join(sorted(SERVICE_TYPES)))
DAYS = Rule("(?! {7})[1 ][2 ][3 ][4 ][5 ][6 ][7 ]", "at least one day of the week, each digit at its own place")
FREQUENCY = one_of(" 12", "1, 2 (every second week) or a blank")
STATION = Rule("[A-Z]{3}", "an airport code of three letters")
UTC_VARIATION = Rule(r"[+-](?:0\d|1[0-3])[0-5]\d|[+-]1400", "+HHMM or -HHMM, at most 14 hours")
TERMINAL = Rule("[A-Z0-9][A-Z0-9 ]|  ", "a terminal of one or two characters, or blanks")
AIRCRAFT_TYPE = Rule("[A-Z0-9]{3}", "an aircraft type of three characters")
BOOKING_CLASSES = Rule("[A-Z ]{20}", "booking classes, each once, from the left", _names_each_class_once)
BOOKING_MODIFIERS = Rule("[A-Z ]{5}", "letters, or blanks")
MEALS = Rule("[A-Z ]{10}", "meal codes, or blanks")
INTERNATIONAL_STATUS = one_of(" DI", "D, I or a blank")
LAYOVER = one_of(" 0123456789", "a digit or a blank")
DISCLOSURE = one_of(" LSXZ", "L, S, X, Z or a blank")
TRAFFIC_RESTRICTION = Rule(
    f"[{TRAFFIC_RESTRICTION_CODES} ]{{11}}", f"traffic restriction codes ({TRAFFIC_RESTRICTION_CODES}), or blanks"
)
RESTRICTION_OVERFLOW = one_of(" Z", "Z or a blank")
CONFIGURATION = Rule(
    "[A-Z0-9 ]{20}",
    "a configuration such as C12Y138VV320, each cabin once and with seats, or blanks",
    _is_configuration,
)
DATE_VARIATION = Rule("[ 0-7AJ]{2}", "two of 0 to 7 days later, A (a day earlier) or a blank")
POINT_INDICATOR = Rule("[A-Z]", "a letter, A for the first airport of the flight")
DATA_ELEMENT = Rule(r"(?!000)\d{3}", "a data element number from 001 to 999")
TITLE = Rule("AIRLINE STANDARD SCHEDULE DATA SET", "AIRLINE STANDARD SCHEDULE DATA SET")
SEASONS = one_of(" 123456789", "the number of seasons, or a blank")
DATA_SET_SERIAL = Rule(r"\d{3}|   ", "three digits, or blanks")
CONTINUATION = one_of("CE", "C (another carrier follows) or E (end)")
