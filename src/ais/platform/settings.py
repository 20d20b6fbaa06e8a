"""Settings: from the environment and an optional TOML file, checked as a whole before anything starts.

The environment wins over the file, the file over the default. Every mistake is listed at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qs, urlsplit
from zoneinfo import available_timezones

import msgspec

from ais.kit import CURRENCIES, Money, SystemClock
from ais.platform.rates import Rate, read_rate
from ais.platform.setting_sources import ADDRESSES, SECRETS, environment_name, read_sources
from ais.platform.tokens import TokenKeyError, TokenRing
from ais.platform.vault import Vault, VaultKeyError

DEMO_STRIPE_KEY = "sk_test_ais_demo"
DEMO_WEBHOOK_SECRET = "whsec_ais_demo"  # noqa: S105  # the published secret of the demonstration, refused in production
DEMO_SECRET_KEY = "demo-0:ZGVtbyBrZXkgb2YgdGhlIGRlbW9uc3RyYXRpb24gb25seQ"  # noqa: S105  # see above
DEMO_OPERATOR_TOKEN = "operator-token-of-the-demonstration"  # noqa: S105  # see above
DEMO_LEDGER_KEY = "demo-0:ZGVtbyBzaWduaW5nIGtleSBvZiB0aGUgbGVkZ2VyISE"
DEMO_VAULT_KEY = "demo-0:ZGVtbyBrZXkgb2YgdGhlIHZhdWx0LCBub3QgeW91cnM"
DEMO_LOOKUP_KEY = "demo-0:ZGVtbyBrZXkgb2YgdGhlIGxvb2stdXBzLCBub3QgeW8"
DEMO_SECRETS = frozenset(
    {
        DEMO_STRIPE_KEY,
        DEMO_WEBHOOK_SECRET,
        DEMO_SECRET_KEY,
        DEMO_OPERATOR_TOKEN,
        DEMO_LEDGER_KEY,
        DEMO_VAULT_KEY,
        DEMO_LOOKUP_KEY,
    }
)


class SettingsError(Exception):
    """Some settings are wrong; ``mistakes`` holds one sentence each."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        super().__init__("The settings are not valid:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may be set. The name in the environment is ``AIS_`` and the field in capitals, unless
    :data:`ENVIRONMENT_NAMES` says otherwise; in the TOML file it is the field's own name.
    """

    env: str = "development"
    data_dir: Path = Path(".ais")
    host: str = "127.0.0.1"
    port: int = 8000
    web_processes: int = 1
    database_url: str | None = None
    redis_url: str | None = None
    database_pool_size: int = 10
    log_level: str = "info"
    secret_keys: str = DEMO_SECRET_KEY
    operator_token: str | None = DEMO_OPERATOR_TOKEN
    stripe_api_base: str = "https://api.stripe.com"
    stripe_secret_key: str = DEMO_STRIPE_KEY
    stripe_webhook_secret: str = DEMO_WEBHOOK_SECRET
    stripe_sim_port: int = 12111
    public_url: str | None = None
    return_hosts: str = ""
    smtp_url: str | None = None
    mail_from: str | None = None
    hold_minutes: float = 15.0
    payment_minutes: float = 15.0
    pay_link_minutes: float = 23 * 60.0
    offer_minutes: float = 15.0
    quote_minutes: float = 15.0
    refund_approval_above: str = "SAR 5000"
    involuntary_above_minutes: str = "120"
    sale_days: int = 330
    sales_close_minutes: int = 60
    carrier: str | None = None
    point_of_sale: str = "SA"
    currency: str = "SAR"
    limit_login: str = "5/15m"
    limit_lookup: str = "10/1m"
    limit_search: str = "120/1m"
    limit_order: str = "20/1m"
    limit_default: str = "600/1m"
    limit_ipv4_prefix: int = 32
    limit_ipv6_prefix: int = 64
    trusted_proxies: int = 0
    allowed_hosts: str = ""
    cors_origins: str = ""
    request_timeout_seconds: float = 30.0
    sentry_dsn: str | None = None
    clock_shift_seconds: float = 0.0
    accounting_timezone: str = "Asia/Riyadh"
    ledger_signing_keys: str = DEMO_LEDGER_KEY
    vault_keys: str = DEMO_VAULT_KEY
    vault_lookup_key: str = DEMO_LOOKUP_KEY
    keep_unpaid_days: int = 30
    keep_travelled_days: int = 730
    keep_messages_days: int = 90
    ledger_heads_dir: Path | None = None
    ledger_heads_minutes: int = 60
    ledger_heads_mail: str | None = None

    def __repr__(self) -> str:
        """Which settings there are; a secret never gets into a traceback or a log by this way."""
        shown = (
            f"{name}={'***' if name in SECRETS or name in ADDRESSES else repr(getattr(self, name))}"
            for name in self.__struct_fields__
        )
        return f"Settings({', '.join(shown)})"

    password_memory_kib: int = 19_456
    password_rounds: int = 2
    staff_second_factor: Literal["required", "optional"] = "required"
    sign_in_delay_seconds: float = 0.25
    step_up_minutes: float = 15.0
    page_idle_minutes: float = 120.0
    page_session_hours: float = 24.0

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def site(self) -> str:
        """The address under which people reach the program's pages."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which the program may be asked for; empty is any, for a machine that nobody else reaches."""
        named = words(self.allowed_hosts.lower())
        if self.public_url is not None:
            named.append((urlsplit(self.public_url).hostname or "").lower())
        return frozenset(named)

    @property
    def origins(self) -> list[str]:
        """Where pages come from whose scripts may call the API."""
        return words(self.cors_origins)

    @property
    def heads_dir(self) -> Path:
        """Where signed heads of the ledger are kept."""
        return self.ledger_heads_dir or self.data_dir / "ledger-heads"

    @property
    def audit_heads_dir(self) -> Path:
        """Where signed heads of the audit trail are kept: beneath the ledger's, so that they leave with them."""
        return self.heads_dir / "audit"

    @property
    def vault(self) -> Vault:
        """What seals and opens personal data, by the keys of these settings."""
        return Vault(self.vault_keys, self.vault_lookup_key)

    @property
    def refund_limits(self) -> tuple[Money, ...]:
        """Up to which sums one person of staff may give an order's money back, by currency; of others nothing."""
        return _sums(self.refund_approval_above)

    @property
    def moved_above(self) -> tuple[tuple[date, int], ...]:
        """By more than how many minutes the airline may not move a flight without owing the whole ticket, by the day of
        sale from which on; the first holds from ever on.
        """
        return _dated_minutes(self.involuntary_above_minutes)

    @property
    def rates(self) -> dict[str, Rate | None]:
        """How often a caller may ask, by class of route; None is without limit."""
        return {name.removeprefix("limit_"): read_rate(getattr(self, name)) for name in LIMITS}

    @property
    def clock(self) -> SystemClock:
        """The clock of a process with these settings, shifted in tests only."""
        return SystemClock(timedelta(seconds=self.clock_shift_seconds))


LIMITS = ("limit_login", "limit_lookup", "limit_search", "limit_order", "limit_default")


def words(text: str) -> list[str]:
    """What stands between the commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


_RANGES: dict[str, tuple[float, float]] = {
    "port": (1, 65535),
    "stripe_sim_port": (1, 65535),
    "web_processes": (1, 64),
    "database_pool_size": (2, 200),
    "hold_minutes": (0.01, 24 * 60),
    "payment_minutes": (0.01, 24 * 60),
    "pay_link_minutes": (1, 23 * 60),
    "offer_minutes": (0.01, 24 * 60),
    "quote_minutes": (0.01, 24 * 60),
    "sale_days": (1, 400),
    "sales_close_minutes": (0, 24 * 60),
    "limit_ipv4_prefix": (8, 32),
    "limit_ipv6_prefix": (32, 128),
    "trusted_proxies": (0, 10),
    "request_timeout_seconds": (0, 3600),
    "ledger_heads_minutes": (1, 24 * 60),
    "keep_unpaid_days": (1, 3650),
    "keep_travelled_days": (1, 3650),
    "keep_messages_days": (1, 3650),
    "password_memory_kib": (8, 4 * 1024 * 1024),
    "password_rounds": (1, 100),
    "sign_in_delay_seconds": (0, 5),
    "step_up_minutes": (1, 24 * 60),
    "page_idle_minutes": (1, 30 * 24 * 60),
    "page_session_hours": (0.1, 30 * 24),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "env": ("development", "test", "production"),
    "log_level": ("debug", "info", "warning", "error"),
}
_SCHEMES: dict[str, tuple[str, ...]] = {
    "database_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://"),
    "stripe_api_base": ("https://", "http://"),
    "public_url": ("https://", "http://"),
    "smtp_url": ("smtp://", "smtps://"),
    "sentry_dsn": ("https://", "http://"),
}
_FORMS: dict[str, tuple[str, str]] = {
    "point_of_sale": (r"[A-Z]{2}", "a country's two letters (ISO 3166)"),
    "carrier": (r"[A-Z0-9]{2}", "a carrier's two characters (IATA)"),
}
# One or more keys of 32 bytes, comma separated.
_LEDGER_KEYS = r"\s*[^\s:,]+:[A-Za-z0-9_-]{43}\s*(,\s*[^\s:,]+:[A-Za-z0-9_-]{43}\s*)*"


def load_settings(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """The validated settings; raises :class:`SettingsError` with every mistake found.

    ``AIS_CONFIG`` names the TOML file if ``file`` does not. An empty variable counts as not set.
    """
    environment = os.environ if environment is None else environment
    if file is None and environment.get("AIS_CONFIG"):
        file = Path(environment["AIS_CONFIG"])
    known = {field.name: field for field in msgspec.structs.fields(Settings)}
    found = read_sources(environment, file, known)
    values, sources, mistakes = found.values, found.names, found.mistakes
    if values.get("env") == "production":
        # The operator's token is for a beginning without accounts: production has one only if it is given one.
        values.setdefault("operator_token", None)
    converted: dict[str, Any] = {}
    for name, value in values.items():
        try:
            converted[name] = msgspec.convert(value, known[name].type, strict=False, dec_hook=_decode)
        except msgspec.ValidationError as problem:
            mistakes.append(f"{sources[name]} is {value!r}: {problem}.")
    settings = Settings(**converted)
    mistakes.extend(_check(settings, sources))
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise TypeError(f"no setting is a {kind}")


def _check(settings: Settings, sources: Mapping[str, str]) -> list[str]:
    mistakes = []
    for name, (least, most) in _RANGES.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            mistakes.append(f"{sources.get(name, name)} is {value}: it must lie between {least} and {most}.")
    for name, choices in _CHOICES.items():
        value = getattr(settings, name)
        if value not in choices:
            mistakes.append(f"{sources.get(name, name)} is {value!r}: it must be one of {', '.join(choices)}.")
    for name, schemes in _SCHEMES.items():
        value = getattr(settings, name)
        if value is not None and not value.startswith(schemes):
            mistakes.append(f"{sources[name]} must begin with {' or '.join(schemes)}.")
    for name, (form, meaning) in _FORMS.items():
        value = getattr(settings, name)
        if value is not None and not re.fullmatch(form, value):
            mistakes.append(f"{sources[name]} is {value!r}: it must be {meaning}.")
    if settings.currency not in CURRENCIES:
        mistakes.append(f"{sources['currency']} is {settings.currency!r}: no such currency is known.")
    try:
        TokenRing(settings.secret_keys)
    except TokenKeyError as problem:
        mistakes.append(f"{sources['secret_keys']}: {problem}.")
    try:
        Vault(settings.vault_keys, settings.vault_lookup_key)
    except VaultKeyError as problem:
        mistakes.append(f"{environment_name('vault_keys')} or {environment_name('vault_lookup_key')}: {problem}.")
    mistakes.extend(_limit_mistakes(settings, sources))
    mistakes.extend(_origin_mistakes(settings))
    mistakes.extend(_refund_mistakes(settings, sources))
    mistakes.extend(_check_ledger(settings, sources))
    mistakes.extend(_mail_mistakes(settings))
    if settings.production:
        mistakes.extend(_unfit_for_production(settings))
    return mistakes


def _sums(text: str) -> tuple[Money, ...]:
    """Comma separated sums such as ``SAR 5000, KWD 400``; raises ValueError for anything else."""
    sums = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        code, _, amount = part.partition(" ")
        if code not in CURRENCIES:
            raise ValueError(f"{code!r} is no currency")
        sums.append(Money.parse(amount, code))
    if len({each.currency for each in sums}) < len(sums) or any(each.minor < 0 for each in sums):
        raise ValueError("each currency stands once, with a sum that is not negative")
    return tuple(sums)


def _dated_minutes(text: str) -> tuple[tuple[date, int], ...]:
    """Minutes, and others from a day on, such as ``120, 60 from 2027-07-01``; raises ValueError for anything else."""
    found: list[tuple[date, int]] = []
    for part in text.split(","):
        minutes, _, day = part.strip().partition(" from ")
        found.append((date.fromisoformat(day) if found else date.min, int(minutes)))
        if (day == "") is not (len(found) == 1) or int(minutes) < 0:
            raise ValueError("the first has no day, every other one has, and none is negative")
    if [day for day, _ in found] != sorted({day for day, _ in found}):
        raise ValueError("the days follow each other")
    return tuple(found)


def _refund_mistakes(settings: Settings, sources: Mapping[str, str]) -> list[str]:
    mistakes = []
    for name, read, like in (
        ("refund_approval_above", _sums, "sums such as SAR 5000, KWD 400"),
        ("involuntary_above_minutes", _dated_minutes, "minutes such as 120, 60 from 2027-07-01"),
    ):
        try:
            read(getattr(settings, name))
        except ValueError as problem:
            mistakes.append(f"{sources.get(name, name)} must be {like}: {problem}.")
    return mistakes


def _limit_mistakes(settings: Settings, sources: Mapping[str, str]) -> list[str]:
    mistakes = []
    for name in LIMITS:
        try:
            read_rate(getattr(settings, name))
        except ValueError as problem:
            mistakes.append(f"{sources.get(name, name)} is {getattr(settings, name)!r}: {problem}.")
    return mistakes


_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]")


def _origin_mistakes(settings: Settings) -> list[str]:
    """Whose pages may call us is a list of whole origins: no pattern, no ``null``."""
    mistakes = []
    for origin in settings.origins:
        if not _ORIGIN.fullmatch(origin):
            mistakes.append(
                f"{environment_name('cors_origins')} has {origin!r}: an origin is written https://host, without a path."
            )
        elif settings.production and not origin.startswith("https://"):
            mistakes.append(f"{environment_name('cors_origins')} has {origin!r}: in production it is https.")
    for host in words(settings.allowed_hosts):
        if not _HOST.fullmatch(host):
            mistakes.append(f"{environment_name('allowed_hosts')} has {host!r}: a host has no port, path or pattern.")
    return mistakes


def _check_ledger(settings: Settings, sources: Mapping[str, str]) -> list[str]:
    mistakes = []
    if not re.fullmatch(_LEDGER_KEYS, settings.ledger_signing_keys):
        # The key itself is never repeated.
        mistakes.append(
            f"{sources['ledger_signing_keys']}: a signing key is written name:base64url, the key 32 bytes (Ed25519)."
        )
    if settings.accounting_timezone not in available_timezones():
        mistakes.append(
            f"{sources['accounting_timezone']} is {settings.accounting_timezone!r}: it must be a time zone such as"
            " Asia/Riyadh."
        )
    return mistakes


def _mail_mistakes(settings: Settings) -> list[str]:
    """Mail is off unless a server is named; then it needs a sender, and in production links that lead somewhere."""
    mistakes = []
    if settings.mail_from is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(settings.mail_from)[1]):
        mistakes.append(f"{environment_name('mail_from')} is {settings.mail_from!r}: it must be an address.")
    if settings.ledger_heads_mail is not None:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", settings.ledger_heads_mail):
            mistakes.append(f"{environment_name('ledger_heads_mail')} must be an address.")
        if settings.smtp_url is None:
            mistakes.append(
                f"{environment_name('ledger_heads_mail')} is set: {environment_name('smtp_url')} must be too."
            )
    if settings.smtp_url is None:
        return mistakes
    parts = urlsplit(settings.smtp_url)
    security = parse_qs(parts.query).get("security", ["starttls"])
    if not parts.hostname or not _has_port_in_range(parts) or not set(security) <= {"none", "starttls", "tls"}:
        # The address may hold a password, which is not for logs.
        mistakes.append(
            f"{environment_name('smtp_url')} is not of the form smtp://user:password@host:port?security=starttls"
            " (or tls, or none)."
        )
    if settings.mail_from is None:
        mistakes.append(f"{environment_name('smtp_url')} is set: {environment_name('mail_from')} must be too.")
    if settings.production and settings.public_url is None:
        mistakes.append(f"{environment_name('smtp_url')} is set: {environment_name('public_url')} must be too.")
    return mistakes


def _has_port_in_range(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


_LEAST_OPERATOR_TOKEN = 32


def _unfit_for_production(settings: Settings) -> list[str]:
    """What a demonstration, a test or a developer's machine may do and production may not."""
    mistakes = []
    for name in SECRETS:
        if DEMO_SECRETS & set(words(getattr(settings, name) or "")):
            mistakes.append(f"{environment_name(name)} is the demonstration's: production needs its own.")
    token = settings.operator_token
    if token is not None and token not in DEMO_SECRETS and len(token) < _LEAST_OPERATOR_TOKEN:
        mistakes.append(
            f"{environment_name('operator_token')} has fewer than {_LEAST_OPERATOR_TOKEN} characters:"
            " it opens everything."
        )
    for name in ("public_url", "stripe_api_base"):
        if not (getattr(settings, name) or "").startswith("https://"):
            mistakes.append(f"{environment_name(name)} must begin with https:// in production.")
    for name in ("limit_login", "limit_lookup"):
        if getattr(settings, name) == "off":
            mistakes.append(f"{environment_name(name)} is off: in production guessing is limited.")
    if settings.log_level == "debug":
        mistakes.append("AIS_LOG_LEVEL is debug: what it says of requests is for developers' machines.")
    if settings.clock_shift_seconds:
        mistakes.append("AIS_CLOCK_SHIFT_SECONDS is for tests: production's clock is not shifted.")
    return mistakes
