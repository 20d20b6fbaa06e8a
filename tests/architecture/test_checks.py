"""The checks of `make check` that are our own name what is planted for them."""

from __future__ import annotations

import asyncio
import re
import subprocess

import asyncpg
import pytest
from tools import audit, job_schedules, role_table, snapshots, state_tables, text_rules, translations

from ais.platform.jobs import JobRegistry

FOREIGN_HOST = "https://pypi" + ".org/simple"
MACHINE_PATH = "/ho" + "me/somebody/checkout"


def test_a_registry_host_and_a_machine_path_are_named_by_line():
    text = f"# fine\nindex = {FOREIGN_HOST}\nsee {MACHINE_PATH}/notes\n"
    assert [line for line, _ in text_rules.mistakes_of_text(text)] == [2, 3]


def test_what_a_merge_left_undecided_is_named():
    text = "\n".join(("one", "<" * 7 + " HEAD", "two", "=" * 7, "three", ">" * 7 + " abc"))
    assert [line for line, _ in text_rules.mistakes_of_text(text)] == [2, 6]


@pytest.mark.parametrize("text", ["GET /work-orders", "https://example.com/home", "src/root/x", "cd /tmp/work/x"])
def test_paths_of_a_program_are_no_machine_paths(text):
    assert list(text_rules.mistakes_of_text(text)) == []


@pytest.mark.parametrize(
    ("comment", "refused"),
    [
        ("# noqa: S608", True),
        ("# noqa: S608, E501", True),
        ("# type: ignore[arg-type]", True),
        ("# noqa: S608  # made of constants", False),
        ("# noqa: S108 folders in it are made by mkdtemp", False),
        ("# type: ignore[arg-type]  # the SDK types it as Any", False),
        ("# type: ignore[arg-type]  # noqa: S608", True),
    ],
)
def test_an_exception_without_a_reason_is_named(comment, refused):
    found = list(text_rules.mistakes_of_python(f"one = 1\ntwo = 2  {comment}\n"))
    assert {line for line, _ in found} == ({2} if refused else set())


def test_the_words_of_an_exception_inside_a_string_are_no_exception():
    assert list(text_rules.mistakes_of_python('text = "# noqa: S608"\n')) == []


def test_long_files_and_functions_are_named():
    body = "\n".join(f"    a{number} = {number}" for number in range(70))
    assert [sentence for _, sentence in text_rules.mistakes_of_python(f"def long():\n{body}\n")] == [
        "long has 71 lines; 70 are allowed"
    ]
    assert [sentence for _, sentence in text_rules.mistakes_of_python("a = 1\n" * 601)] == [
        "the file has 601 lines; 600 are allowed"
    ]


def test_the_files_of_a_repository_are_read_new_ones_included(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "notes.md").write_text(f"See {MACHINE_PATH}/x.\n")
    (tmp_path / "ignored.md").write_text(f"See {MACHINE_PATH}/x.\n")
    (tmp_path / ".gitignore").write_text("ignored.md\n")
    (found,) = text_rules.mistakes(tmp_path)
    assert found.startswith("notes.md:1: ")


def test_a_sentence_without_arabic_one_with_other_placeholders_and_a_leftover_are_named():
    sentences = {"Wait {seconds} seconds.": "kit.Wait", "No.": "kit.No", "Yes.": "kit.Yes"}
    arabic = {"Wait {seconds} seconds.": "انتظر {minutes}.", "No.": "لا.", "Old.": "قديم."}
    assert translations.mistakes(sentences, arabic) == [
        'kit.Wait: the Arabic of "Wait {seconds} seconds." has other placeholders than the English.',
        'kit.Yes: "Yes." has no Arabic.',
        'nobody says "Old." any more.',
    ]


def test_a_sentence_of_a_mail_is_found_in_its_template(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "told.jinja").write_text(
        '{% block a %}{{ part.heading(t("Hello {name}", name=x)) }}{% endblock %}'
    )
    assert translations.sentences_of_templates(tmp_path) == {"Hello {name}": "templates/told.jinja:1"}
    (tmp_path / "templates" / "told.jinja").write_text("{{ t(anything) }}")
    with pytest.raises(TypeError, match=r"told.jinja:1: t\(\) takes a sentence"):
        translations.sentences_of_templates(tmp_path)


def test_a_schedule_that_the_page_lacks_one_of_another_time_and_a_leftover_are_named():
    async def work(_context, _payload):
        return

    registry = JobRegistry()
    registry.schedule("a.new", work, every_seconds=90)
    registry.schedule("a.changed", work, cron="0 1 * * *")
    registry.schedule("a.right", work, every_seconds=3600)
    page = (
        "| `a.changed` | `0 2 * * *` | 3 | works |\n| `a.right` | every hour | 3 | works |\n"
        "| `a.gone` | every minute | 1 | worked |\n"
    )
    assert job_schedules.mistakes(page, registry) == [
        "docs/operations/jobs.md says nothing of a.new; its row is: | `a.new` | every 90 seconds | 3 | ... |",
        "docs/operations/jobs.md is not up to date about a.changed: | `a.changed` | `0 1 * * *` | 3 | ... |",
        "docs/operations/jobs.md names a.gone, which is no schedule.",
    ]


def test_a_move_on_one_side_only_and_a_table_without_a_trigger_are_named():
    stated = {"door": {("open", "closed"), ("closed", "open")}}
    written = {"door": {("open", "closed"), ("closed", "locked")}}
    assert state_tables.mistakes(stated, written, set()) == [
        "door: closed -> open is in the program's table, not in the database's.",
        "door: closed -> locked is in the database's table, not in the program's.",
        "door: no trigger enforces its moves.",
    ]
    assert state_tables.mistakes(stated, stated, {"door"}) == []


def test_a_change_of_the_schema_shows_as_a_difference(database_url, tmp_path):
    snapshot = tmp_path / "schema.sql"
    snapshot.write_text(snapshots.dumped_schema(database_url))
    assert snapshots.difference(snapshot, snapshots.dumped_schema(database_url)) == []

    asyncio.run(execute(database_url, "ALTER TABLE staff_queue ADD COLUMN planted text"))
    lines = snapshots.difference(snapshot, snapshots.dumped_schema(database_url))
    assert [line for line in lines if line.startswith("+ ")] == ["+    resolved_by text,", "+    planted text"]


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


def test_a_page_of_roles_that_is_not_the_programs_table_is_named():
    page = role_table.page_with_table(role_table.PAGE.read_text(encoding="utf-8"))
    assert role_table.mistakes(page) == []
    taken = page.replace("| `refunds.approve` |  |", "| `refunds.approve` | ● |", 1)
    assert role_table.mistakes(taken) == ["docs/roles.md shows another table than the program has: run make snapshots"]
    assert role_table.mistakes("nothing") != []


CLEAN = {"name": "msgspec", "version": "0.22", "vulns": []}
WEAK = {"name": "jinja2", "version": "3.1.2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}]}
UNKNOWN = {"name": "ais", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("found", "code", "code_if_possible", "said"),
    [
        ([CLEAN], 0, 0, "1 packages have no known advisory."),
        ([CLEAN, WEAK], 1, 1, "jinja2 3.1.2: PYSEC-1 (mended in 3.1.6)"),
        ([UNKNOWN, WEAK], 1, 1, "jinja2 3.1.2: PYSEC-1 (mended in 3.1.6)"),
        ([CLEAN, UNKNOWN], 2, 0, "NOT AUDITED, the database does not know them: ais."),
        ([UNKNOWN, UNKNOWN], 2, 0, "NOT AUDITED: no database of advisories answers from this machine."),
        (None, 2, 0, "NOT AUDITED: no database of advisories answers from this machine."),
    ],
)
def test_what_no_database_answered_for_is_never_counted_as_audited(found, code, code_if_possible, said):
    assert audit.report(found, if_possible=False)[0] == code
    told = audit.report(found, if_possible=True)
    assert told[0] == code_if_possible
    assert said in told[1]


def test_what_the_page_on_security_names_as_its_proof_is_there():
    text = (text_rules.ROOT / "docs/security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests|tools|benchmarks)/[\w/.]+)`", text))
    linked = {f"docs/{path}" for path in re.findall(r"\]\((?!\.\./)([\w/.-]+)\)", text)}
    linked |= set(re.findall(r"\]\(\.\./([\w/.-]+)\)", text))
    assert len(named) > 30
    assert [each for each in sorted(named | linked) if not (text_rules.ROOT / each).exists()] == []
