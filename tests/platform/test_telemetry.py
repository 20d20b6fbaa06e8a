"""Logs: JSON lines with the correlation id, without names, addresses, numbers, secrets or the values of a row."""

from __future__ import annotations

import json
import subprocess
import sys

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.platform.database import Database
from ais.platform.telemetry import MASK, MASKED_FIELDS, describe_error, describe_failure, mask_personal_data, mask_text

PERSON = "Huda Al-Harbi"
EMAIL = "huda@example.com"


def logged(program: str) -> list[dict]:
    """The lines that a program writes, whose logging is configured as the web process configures it."""
    start = "import logging\nfrom ais.platform.telemetry import *\nfrom ais.platform.telemetry import CORRELATION_ID\n"
    start += "configure_logging('info', process='web')\n"
    done = subprocess.run([sys.executable, "-c", start + program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_json_with_time_level_service_component_and_the_correlation_id():
    program = "CORRELATION_ID.set('trip-7')\nget_logger('orders').info('order written', order_id='ord_1', seats=3)"
    (line,) = logged(program)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order written",
        "level": "info",
        "service": "web",
        "component": "orders",
        "correlation_id": "trip-7",
        "order_id": "ord_1",
        "seats": 3,
    }


def test_lines_of_other_libraries_have_the_same_form_and_are_masked():
    program = (
        "CORRELATION_ID.set('trip-8')\nlogging.getLogger('other').warning('mail to %s failed', 'huda@example.com')"
    )
    (line,) = logged(program)
    assert line["event"] == "mail to *** failed"
    assert (line["level"], line["service"], line["correlation_id"]) == ("warning", "web", "trip-8")


def test_a_line_below_the_level_is_not_written():
    program = "get_logger('a').debug('no')\nlogging.getLogger('b').debug('no')\nget_logger('a').info('yes')"
    assert [line["event"] for line in logged(program)] == ["yes"]


def test_an_exception_is_logged_with_its_place_and_without_the_values_it_met():
    program = """
def fail():
    people = {}
    return people['Huda Al-Harbi']
try:
    fail()
except KeyError as problem:
    get_logger('http').error('unexpected failure', exc_info=problem)
try:
    int('Huda')
except ValueError:
    get_logger('http').exception('again')
try:
    raise RuntimeError('the pool is closed')
except RuntimeError:
    logging.getLogger('other').exception('of a library')
"""
    first, second, third = logged(program)
    assert "in fail" in first["exception"]
    assert first["exception"].endswith("KeyError: ***")
    assert second["exception"].endswith("ValueError: invalid literal for int() with base 10: ***")
    assert third["exception"].endswith("RuntimeError: the pool is closed")
    assert "Huda" not in json.dumps([first, second, third])
    assert not any("exc_info" in line for line in (first, second, third))


def test_an_exception_that_nobody_retrieved_is_named_without_its_text():
    program = "logging.getLogger('asyncio').error(\"lost\\nfuture: <Task exception=DataError('x: Huda')>\")"
    (line,) = logged(program)
    assert line["event"] == "lost\nfuture: <Task exception=DataError"


async def failure_of(database: Database, statement: str, *values: object) -> asyncpg.PostgresError | Exception:
    async with database.connection() as connection:
        with pytest.raises(Exception) as caught:  # the driver's own class is what is asserted
            await connection.execute(statement, *values)
    return caught.value


async def test_what_postgresql_tells_of_a_row_is_not_told_on(database: Database):
    async with database.connection() as connection:
        await connection.execute(
            "CREATE TABLE people (name text PRIMARY KEY, born_on date, CHECK (born_on < DATE '2100-01-01'))"
        )
        await connection.execute("INSERT INTO people VALUES ($1)", PERSON)
    twice = await failure_of(database, "INSERT INTO people VALUES ($1)", PERSON)
    assert PERSON in twice.detail  # the driver carries the value
    assert PERSON in str(twice)
    assert describe_failure(twice).splitlines()[-1] == (
        'UniqueViolationError [23505]: duplicate key value violates unique constraint "people_pkey"'
        " constraint=people_pkey table=people"
    )
    checked = await failure_of(database, "INSERT INTO people VALUES ($1, '2101-02-03')", "Another Person")
    assert "Another Person" in str(checked)
    unreadable = await failure_of(database, f"SELECT '{PERSON}'::int")
    assert describe_error(unreadable) == "InvalidTextRepresentationError [22P02]: invalid input syntax for type integer"
    refused = await failure_of(database, "SELECT $1::int", PERSON)
    assert PERSON in str(refused)
    assert describe_error(refused) == "DataError [22000]: invalid input for query argument $1"
    told = "\n".join(describe_failure(each) for each in (twice, checked, unreadable, refused))
    assert "CheckViolationError [23514]" in told
    for value in (PERSON, "Another Person", "2101-02-03"):
        assert value not in told


def test_the_whole_chain_of_causes_is_told():
    def inner() -> None:
        raise ConnectionError("the server is away")

    def outer() -> None:
        try:
            inner()
        except ConnectionError as problem:
            raise RuntimeError("no answer") from problem

    with pytest.raises(RuntimeError) as caught:
        outer()
    told = describe_failure(caught.value)
    assert told.index("in inner") < told.index("ConnectionError: the server is away") < told.index("and from it:")
    assert told.endswith("RuntimeError: no answer")
    group = ExceptionGroup("two", [ValueError(f"for {EMAIL}"), LookupError("'Huda'")])
    assert describe_failure(group).splitlines() == [
        "ValueError: for *** | LookupError: ***",
        "ValueError: for ***",
        "LookupError: ***",
    ]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"to {EMAIL}, twice", "to ***, twice"),
        ("postgresql://ais:secret@127.0.0.1:5432/ais", "***"),
        ("card 4242 4242 4242 4242 declined", "card *** declined"),
        ("card 4242424242424242.", "card ***."),
        ("call +966 50 123 4567 now", "call *** now"),
        ("key sk_test_ais_demo_1 used", "key *** used"),
        ("secret whsec_ais_demo_2", "secret ***"),
        ("token gst_AAbbCCdd11", "token ***"),
        ("token act_AAbbCCdd11 and rft_AAbbCCdd11", "token *** and ***"),
        ("key ais_" + "Ab3-_" * 9, "key ***"),
        ("database ais_template", "database ais_template"),
        ("pi_3Q1_secret_abcdEFGH", "***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("order 0198c0de-7d1f-7c3a-9a52-0242ac120002 of 2026-11-22T10:15:33.123456Z", None),
        ("flight QZ101 at 10:05, 3 seats, 1250.00 SAR", None),
    ],
)
def test_a_text_loses_addresses_numbers_and_tokens_and_nothing_else(text, masked):
    assert mask_text(text) == (text if masked is None else masked)


@pytest.mark.parametrize("field", sorted(MASKED_FIELDS))
def test_a_personal_field_is_masked_at_every_depth(field):
    event = {"event": "x", field: PERSON, "body": {"list": [{field.upper(): PERSON}]}}
    assert mask_personal_data(None, "info", event) == {
        "event": "x",
        field: MASK,
        "body": {"list": [{field.upper(): MASK}]},
    }


@given(st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.(com|sa)", fullmatch=True), st.text(alphabet=" :([{=\"'", max_size=4))
def test_no_address_survives_whatever_stands_around_it(address, around):
    assert address not in mask_text(f"{around}{address}{around}")
