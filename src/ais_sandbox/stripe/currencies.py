"""Which currencies and amounts Stripe charges.

Lists and minima are those of Stripe's page "Supported currencies". For a currency without a minimum of its own Stripe
asks for what converts to 50 US cents; the rates here are rounded, good for that check and for nothing else.
"""

from ais_sandbox.stripe.errors import StripeError, invalid_parameter

SUPPORTED = (
    "usd", "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bhd",
    "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop", "crc",
    "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip", "gmd", "gnf",
    "gtq", "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy", "kes", "kgs", "khr",
    "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mga", "mkd", "mmk", "mnt",
    "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd", "omr", "pab", "pen",
    "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub", "rwf", "sar", "sbd", "scr", "sek", "sgd", "shp",
    "sle", "sos", "srd", "std", "szl", "thb", "tjs", "tnd", "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "uyu",
    "uzs", "vnd", "vuv", "wst", "xaf", "xcd", "xof", "xpf", "yer", "zar", "zmw",
)  # fmt: skip
ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Written with two decimals for old integrations although they have none: the last two digits must be zero.
WHOLE_UNITS_ONLY = frozenset({"isk", "ugx"})

MOST_DIGITS_AMOUNT = 99_999_999
_MORE_DIGITS = {"idr": 999_999_999_999, "inr": 999_999_999, "lbp": 999_999_999_999}

_LEAST_MINOR = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip

# Units of the currency for one US dollar, rounded.
_PER_DOLLAR = {
    "sar": 3.75,
    "qar": 3.64,
    "kwd": 0.307,
    "bhd": 0.376,
    "omr": 0.3845,
    "jod": 0.709,
    "egp": 48.0,
    "try": 35.0,
}


def exponent(currency: str) -> int:
    """How many decimals the amounts of a currency carry at Stripe."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def read_currency(text: str) -> str:
    """The currency in Stripe's lower case. `StripeError` 400 for one that Stripe does not charge."""
    currency = text.lower()
    if currency not in SUPPORTED:
        message = f"Invalid currency: {currency}. Stripe currently supports these currencies: {', '.join(SUPPORTED)}"
        raise invalid_parameter(message, "currency")
    return currency


def check_amount(amount: int, currency: str) -> None:
    """`StripeError` 400 for an amount that Stripe would not charge: too small, too large, or a forbidden fraction."""
    most = _MORE_DIGITS.get(currency, MOST_DIGITS_AMOUNT)
    if amount > most:
        message = f"Amount must be no more than {written(most, currency)}"
        raise StripeError(400, message, code="amount_too_large", param="amount", executed=False)
    if currency in THREE_DECIMAL and amount % 10:
        message = f"Invalid amount: amounts in {currency} must be a multiple of 10 of the minor unit, "
        message += f"because networks charge two decimals; {amount} is not."
        raise invalid_parameter(message, "amount", "parameter_invalid_integer")
    if currency in WHOLE_UNITS_ONLY and amount % 100:
        message = f"Invalid amount: amounts in {currency} must be a multiple of 100; {amount} is not."
        raise invalid_parameter(message, "amount", "parameter_invalid_integer")
    if currency in _LEAST_MINOR:
        least = _LEAST_MINOR[currency]
        if amount < least:
            message = f"Amount must be at least {written(least, currency).removesuffix(f' {currency}')} {currency}"
            raise StripeError(400, message, code="amount_too_small", param="amount", executed=False)
    elif currency in _PER_DOLLAR:
        cents = amount / 10 ** exponent(currency) / _PER_DOLLAR[currency] * 100
        if cents < 50:
            message = f"Amount must convert to at least 50 cents. {written(amount, currency)} converts to "
            message += f"approximately ${cents / 100:.2f}."
            raise StripeError(400, message, code="amount_too_small", param="amount", executed=False)


def written(amount: int, currency: str) -> str:
    """An amount as Stripe's messages write it: `$1,000.50`, or `1,000.50 sar` where it has no sign for the currency."""
    places = exponent(currency)
    number = f"{amount:,}" if places == 0 else f"{amount // 10**places:,}.{amount % 10**places:0{places}d}"
    sign = {"usd": "$", "eur": "€", "gbp": "£"}.get(currency)
    return f"{number} {currency}" if sign is None else f"{sign}{number}"
