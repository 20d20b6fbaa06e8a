"""Settings: environment over file over default; every mistake at once; the demo's secrets never in production."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from ais.platform.setting_sources import SECRETS, environment_name
from ais.platform.settings import (
    DEMO_LEDGER_KEY,
    DEMO_LOOKUP_KEY,
    DEMO_OPERATOR_TOKEN,
    DEMO_SECRET_KEY,
    DEMO_SECRETS,
    DEMO_STRIPE_KEY,
    DEMO_VAULT_KEY,
    DEMO_WEBHOOK_SECRET,
    Settings,
    SettingsError,
    load_settings,
)

OWN_KEY = "k1:" + "A" * 43
OWN_VAULT_KEY = "v1:" + "A" * 43
PRODUCTION = {
    "AIS_ENV": "production",
    "AIS_SECRET_KEYS": OWN_KEY,
    "AIS_OPERATOR_TOKEN": "our-own-operator-token-of-32-and-more",
    "AIS_PUBLIC_URL": "https://book.rimal.example",
    "AIS_STRIPE_SECRET_KEY": "sk_live_1",
    "AIS_STRIPE_WEBHOOK_SECRET": "whsec_1",
    "AIS_LEDGER_SIGNING_KEYS": "l1:" + "A" * 43,
    "AIS_VAULT_KEYS": OWN_VAULT_KEY,
    "AIS_VAULT_LOOKUP_KEY": OWN_VAULT_KEY,
}


def mistakes_of(environment: dict[str, str], file: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_settings(environment, file)
    assert all(mistake in str(refused.value) for mistake in refused.value.mistakes)
    return refused.value.mistakes


def test_without_anything_set_the_contract_s_fixed_points_hold():
    settings = load_settings({})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.stripe_sim_port) == ("127.0.0.1", 8000, 12111)
    assert (settings.data_dir, settings.hold_minutes, settings.sale_days) == (Path(".ais"), 15.0, 330)
    assert settings.stripe_secret_key == DEMO_STRIPE_KEY == "sk_test_ais_demo"
    assert settings.stripe_webhook_secret == DEMO_WEBHOOK_SECRET == "whsec_ais_demo"
    assert settings.database_url is None
    assert settings.redis_url is None


def test_the_names_that_clients_of_the_demo_know():
    environment = {
        "AIS_PORT": "8123",
        "AIS_STRIPE_SIM_PORT": "12999",
        "AIS_HOLD_MINUTES": "0.05",
        "AIS_DATA_DIR": "/var/lib/ais",
        "DATABASE_URL": "postgresql://db/ais",
        "REDIS_URL": "redis://cache/1",
        "STRIPE_API_BASE": "http://127.0.0.1:12999",
    }
    settings = load_settings(environment)
    assert settings.port == 8123
    assert settings.stripe_sim_port == 12999
    assert settings.hold_minutes == 0.05
    assert settings.data_dir == Path("/var/lib/ais")
    assert settings.database_url == "postgresql://db/ais"
    assert settings.redis_url == "redis://cache/1"
    assert settings.stripe_api_base == "http://127.0.0.1:12999"


def test_every_setting_can_be_set_from_the_environment():
    for field in msgspec.structs.fields(Settings):
        name = environment_name(field.name)
        assert name in {"DATABASE_URL", "REDIS_URL", "STRIPE_API_BASE"} or name == f"AIS_{field.name.upper()}"


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    file = tmp_path / "ais.toml"
    file.write_text('port = 8100\nhold_minutes = 20\nlog_level = "debug"\n')
    settings = load_settings({"AIS_PORT": "8200"}, file)
    assert (settings.port, settings.hold_minutes, settings.log_level, settings.web_processes) == (
        8200,
        20.0,
        "debug",
        1,
    )
    assert load_settings({"AIS_CONFIG": str(file)}).port == 8100


def test_an_empty_variable_counts_as_not_set():
    assert load_settings({"DATABASE_URL": "", "AIS_PORT": ""}) == Settings()


def test_all_mistakes_are_listed_at_once(tmp_path):
    file = tmp_path / "ais.toml"
    file.write_text('prot = 8100\nweb_processes = "many"\nsale_days = 900\n')
    environment = {
        "AIS_PORT": "70000",
        "AIS_HOLD_MINUTES": "soon",
        "AIS_ENV": "prod",
        "AIS_LOG_LEVEL": "loud",
        "DATABASE_URL": "mysql://db",
        "REDIS_URL": "http://cache",
        "STRIPE_API_BASE": "stripe",
        "AIS_POINT_OF_SALE": "Saudi",
        "AIS_CARRIER": "QZZ",
        "AIS_CURRENCY": "XYZ",
        "AIS_SECRET_KEYS": "short",
    }
    mistakes = mistakes_of(environment, file)
    assert len(mistakes) == 14
    begins = (
        f"{file}: 'prot' is not a setting.",
        f"web_processes in {file} is 'many': ",
        "AIS_HOLD_MINUTES is 'soon': ",
        "AIS_PORT is 70000: it must lie between 1 and 65535.",
        f"sale_days in {file} is 900: it must lie between 1 and 400.",
        "AIS_ENV is 'prod': it must be one of development, test, production.",
        "AIS_LOG_LEVEL is 'loud': it must be one of debug, info, warning, error.",
        "DATABASE_URL must begin with postgresql:// or postgres://.",
        "REDIS_URL must begin with redis:// or rediss://.",
        "STRIPE_API_BASE must begin with https:// or http://.",
        "AIS_POINT_OF_SALE is 'Saudi': it must be a country's two letters (ISO 3166).",
        "AIS_CARRIER is 'QZZ': it must be a carrier's two characters (IATA).",
        "AIS_CURRENCY is 'XYZ': no such currency is known.",
        "AIS_SECRET_KEYS: a secret key is written name:base64url",
    )
    for begin in begins:
        assert sum(mistake.startswith(begin) for mistake in mistakes) == 1, begin


@pytest.mark.parametrize(("text", "begin"), [("port = ", "is not TOML"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, text, begin):
    file = tmp_path / "ais.toml"
    if text is not None:
        file.write_text(text)
    (mistake,) = mistakes_of({}, file)
    assert mistake.startswith(f"{file} {begin}")


def test_production_refuses_every_secret_of_the_demonstration():
    mistakes = mistakes_of({"AIS_ENV": "production", "AIS_PUBLIC_URL": "https://r.example"})
    assert mistakes == [
        f"{name} is the demonstration's: production needs its own."
        for name in (
            "AIS_SECRET_KEYS",
            "AIS_STRIPE_SECRET_KEY",
            "AIS_STRIPE_WEBHOOK_SECRET",
            "AIS_LEDGER_SIGNING_KEYS",
            "AIS_VAULT_KEYS",
            "AIS_VAULT_LOOKUP_KEY",
        )
    ]
    assert load_settings(PRODUCTION).production


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIS_SECRET_KEYS", DEMO_SECRET_KEY),
        ("AIS_SECRET_KEYS", f"{OWN_KEY},{DEMO_SECRET_KEY}"),
        ("AIS_OPERATOR_TOKEN", DEMO_OPERATOR_TOKEN),
        ("AIS_STRIPE_SECRET_KEY", DEMO_STRIPE_KEY),
        ("AIS_STRIPE_WEBHOOK_SECRET", DEMO_WEBHOOK_SECRET),
        ("AIS_STRIPE_WEBHOOK_SECRET", f"whsec_1, {DEMO_WEBHOOK_SECRET}"),
        ("AIS_LEDGER_SIGNING_KEYS", DEMO_LEDGER_KEY),
        ("AIS_LEDGER_SIGNING_KEYS", f"l1:{'A' * 43}, {DEMO_LEDGER_KEY}"),
        ("AIS_VAULT_KEYS", DEMO_VAULT_KEY),
        ("AIS_VAULT_KEYS", f"{OWN_VAULT_KEY}, {DEMO_VAULT_KEY}"),
        ("AIS_VAULT_LOOKUP_KEY", DEMO_LOOKUP_KEY),
    ],
)
def test_production_refuses_one_of_them_alone_and_in_a_list(name, value):
    assert mistakes_of(PRODUCTION | {name: value}) == [f"{name} is the demonstration's: production needs its own."]


def test_production_s_clock_is_not_shifted():
    assert mistakes_of(PRODUCTION | {"AIS_CLOCK_SHIFT_SECONDS": "60"}) == [
        "AIS_CLOCK_SHIFT_SECONDS is for tests: production's clock is not shifted."
    ]
    assert load_settings({"AIS_CLOCK_SHIFT_SECONDS": "60"}).clock_shift_seconds == 60.0


@pytest.mark.parametrize("text", ["", "k", "k:short", "k:" + "A" * 44, "two words:" + "A" * 43, "a:" + "A" * 43 + ","])
def test_a_signing_key_that_is_none_is_named_and_never_shown(text):
    mistakes = mistakes_of({"AIS_LEDGER_SIGNING_KEYS": text or "-"})
    assert mistakes == ["AIS_LEDGER_SIGNING_KEYS: a signing key is written name:base64url, the key 32 bytes (Ed25519)."]


def test_where_the_books_are_kept():
    settings = load_settings({"AIS_DATA_DIR": "/var/lib/ais"})
    assert settings.heads_dir == Path("/var/lib/ais/ledger-heads")
    assert load_settings({"AIS_LEDGER_HEADS_DIR": "/mnt/heads"}).heads_dir == Path("/mnt/heads")
    assert mistakes_of({"AIS_ACCOUNTING_TIMEZONE": "Mars/Olympus"}) == [
        "AIS_ACCOUNTING_TIMEZONE is 'Mars/Olympus': it must be a time zone such as Asia/Riyadh."
    ]


def test_mail_is_off_until_a_server_is_named_and_then_needs_a_sender():
    assert load_settings({}).smtp_url is None
    settings = load_settings(
        {"AIS_SMTP_URL": "smtp://u:p@mail.example:587", "AIS_MAIL_FROM": "Rimal Air <b@r.example>"}
    )
    assert (settings.smtp_url, settings.mail_from) == ("smtp://u:p@mail.example:587", "Rimal Air <b@r.example>")
    assert mistakes_of({"AIS_SMTP_URL": "smtp://mail.example"}) == ["AIS_SMTP_URL is set: AIS_MAIL_FROM must be too."]
    assert mistakes_of({"AIS_MAIL_FROM": "nobody"}) == ["AIS_MAIL_FROM is 'nobody': it must be an address."]
    mail = {"AIS_SMTP_URL": "smtps://mail.example", "AIS_MAIL_FROM": "b@r.example"}
    assert mistakes_of({**PRODUCTION, **mail, "AIS_PUBLIC_URL": ""}) == [
        "AIS_SMTP_URL is set: AIS_PUBLIC_URL must be too.",
        "AIS_PUBLIC_URL must begin with https:// in production.",
    ]
    assert load_settings({**PRODUCTION, **mail}).production


@pytest.mark.parametrize(
    "url",
    ["http://mail.example", "smtp://", "smtp://u:hidden@mail.example:x", "smtp://u:hidden@m.example?security=maybe"],
)
def test_a_mail_server_s_address_is_checked_and_its_password_is_not_shown(url):
    (mistake,) = mistakes_of({"AIS_SMTP_URL": url, "AIS_MAIL_FROM": "b@r.example"})
    assert mistake.startswith("AIS_SMTP_URL ")
    assert "hidden" not in mistake


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"AIS_PUBLIC_URL": ""}, "AIS_PUBLIC_URL must begin with https:// in production."),
        ({"AIS_PUBLIC_URL": "http://r.example"}, "AIS_PUBLIC_URL must begin with https:// in production."),
        ({"STRIPE_API_BASE": "http://127.0.0.1:1"}, "STRIPE_API_BASE must begin with https:// in production."),
        ({"AIS_LOG_LEVEL": "debug"}, "AIS_LOG_LEVEL is debug: what it says of requests is for developers' machines."),
        ({"AIS_LIMIT_LOGIN": "off"}, "AIS_LIMIT_LOGIN is off: in production guessing is limited."),
        ({"AIS_LIMIT_LOOKUP": "off"}, "AIS_LIMIT_LOOKUP is off: in production guessing is limited."),
        (
            {"AIS_OPERATOR_TOKEN": "too-short-to-be-hard-to-guess"},
            "AIS_OPERATOR_TOKEN has fewer than 32 characters: it opens everything.",
        ),
        (
            {"AIS_CORS_ORIGINS": "http://partner.example"},
            "AIS_CORS_ORIGINS has 'http://partner.example': in production it is https.",
        ),
    ],
)
def test_production_refuses_what_is_for_developers_machines(change, mistake):
    assert mistakes_of(PRODUCTION | change) == [mistake]


def test_production_has_an_operator_s_token_only_if_it_is_given_one():
    without = {name: value for name, value in PRODUCTION.items() if name != "AIS_OPERATOR_TOKEN"}
    assert load_settings(without).operator_token is None
    assert load_settings({}).operator_token == DEMO_OPERATOR_TOKEN


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{OWN_KEY}\n")
    assert load_settings({"AIS_SECRET_KEYS_FILE": str(file)}).secret_keys == OWN_KEY
    url = tmp_path / "url"
    url.write_text("postgresql://ais:hidden@db/ais\n")
    assert load_settings({"DATABASE_URL_FILE": str(url)}).database_url == "postgresql://ais:hidden@db/ais"
    assert mistakes_of({"AIS_SECRET_KEYS_FILE": str(file), "AIS_SECRET_KEYS": OWN_KEY}) == [
        "AIS_SECRET_KEYS and AIS_SECRET_KEYS_FILE are both set: one of them is enough."
    ]
    missing = tmp_path / "missing"
    assert mistakes_of({"AIS_SECRET_KEYS_FILE": str(missing)}) == [
        f"AIS_SECRET_KEYS_FILE names {missing}, which cannot be read: No such file or directory."
    ]
    file.write_text("\n")
    assert mistakes_of({"AIS_SECRET_KEYS_FILE": str(file)}) == [f"AIS_SECRET_KEYS_FILE names {file}, which is empty."]


@pytest.mark.parametrize("name", [*SECRETS, "database_url", "redis_url", "smtp_url"])
def test_a_secret_is_never_read_from_the_toml_file_and_never_shown(tmp_path, name):
    file = tmp_path / "ais.toml"
    file.write_text(f'{name} = "postgresql://ais:hidden-value@db/ais"\n')
    (mistake,) = mistakes_of({}, file)
    variable = environment_name(name)
    assert mistake == f"{name} in {file} is a secret: it belongs into {variable} or {variable}_FILE."


def test_an_address_without_a_password_may_stand_in_the_toml_file(tmp_path):
    file = tmp_path / "ais.toml"
    file.write_text('database_url = "postgresql://db/ais"\n')
    assert load_settings({}, file).database_url == "postgresql://db/ais"


def test_settings_that_get_into_a_log_tell_no_secret():
    values = dict.fromkeys((*SECRETS, "database_url", "redis_url", "smtp_url"), "hidden-value")
    assert "hidden-value" not in repr(Settings(**values))
    assert "port=8000" in repr(Settings(**values))


def test_every_secret_of_the_demonstration_is_of_a_setting_that_counts_as_a_secret():
    settings = Settings()
    of_settings = {getattr(settings, field.name) for field in msgspec.structs.fields(Settings)}
    assert of_settings & DEMO_SECRETS == {getattr(settings, name) for name in SECRETS} & DEMO_SECRETS == DEMO_SECRETS


def test_the_names_under_which_the_program_is_asked_for():
    assert load_settings({}).hosts == frozenset()
    assert load_settings({"AIS_PUBLIC_URL": "https://Book.Rimal.example:8443/x"}).hosts == {"book.rimal.example"}
    settings = load_settings({"AIS_PUBLIC_URL": "https://r.example", "AIS_ALLOWED_HOSTS": "API.r.example, 10.0.0.7"})
    assert settings.hosts == {"r.example", "api.r.example", "10.0.0.7"}
    for wrong in ("https://r.example", "r.example:443", "*.r.example", "r example"):
        assert mistakes_of({"AIS_ALLOWED_HOSTS": wrong}) == [
            f"AIS_ALLOWED_HOSTS has {wrong!r}: a host has no port, path or pattern."
        ]


@pytest.mark.parametrize("origin", ["*", "null", "https://r.example/", "https://*.r.example", "r.example", "https://"])
def test_an_origin_that_may_call_the_api_is_one_whole_origin(origin):
    assert mistakes_of({"AIS_CORS_ORIGINS": f"https://a.example, {origin}"}) == [
        f"AIS_CORS_ORIGINS has {origin!r}: an origin is written https://host, without a path."
    ]


def test_minutes_of_a_move_are_dated():
    settings = load_settings({"AIS_INVOLUNTARY_ABOVE_MINUTES": "120, 60 from 2027-07-01"})
    assert settings.moved_above == ((date.min, 120), (date(2027, 7, 1), 60))
    for wrong in ("soon", "60 from 2027-07-01", "120, 60", "120, -1 from 2027-07-01", "120, 60 from July"):
        (mistake,) = mistakes_of({"AIS_INVOLUNTARY_ABOVE_MINUTES": wrong})
        assert mistake.startswith("AIS_INVOLUNTARY_ABOVE_MINUTES must be minutes such as 120, 60 from 2027-07-01: ")
    (mistake,) = mistakes_of({"AIS_INVOLUNTARY_ABOVE_MINUTES": "1, 2 from 2027-07-02, 3 from 2027-07-01"})
    assert mistake.endswith(": the days follow each other.")
