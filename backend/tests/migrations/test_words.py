"""The words of before there were lists are taken over, and nobody needs something else by it."""

import asyncio

import pytest
from alembic import command

from app.domain.word import comparable
from devstack.migrate import configuration, migrate
from tests.migrations.conftest import NewDatabase, execute, fetch

pytestmark = pytest.mark.full

BEFORE = "0033"
PEOPLE = """
INSERT INTO departments (name) VALUES ('Front Desk'), ('front  desk'), ('Hygiene'), ('Nobody''s');
INSERT INTO requirements (title, version) VALUES ('Rule', 1);
INSERT INTO requirement_versions (requirement_id, number, effective_from, recorded_on, rule)
SELECT id, 1, '2020-01-01', '2020-01-01', '{"audience": {"job_titles": ["Registrar"]}}'
  FROM requirements;
INSERT INTO users (email, department_id, job_title)
SELECT 'p' || n || '@unified.example',
       (SELECT id FROM departments WHERE name = CASE WHEN n < 3 THEN 'Front Desk'
                                                     WHEN n < 8 THEN 'front  desk'
                                                     ELSE 'Hygiene' END),
       (ARRAY['RDH', 'rdh', '\uff32\uff24\uff28', 'rdh', 'Office\u2010manager',
              'office-manager ', 'Dentist', ' ', NULL])[n]
  FROM generate_series(1, 9) AS n;
"""
WORDS = """
SELECT s.spelling, w.name FROM {noun}_spellings s JOIN {noun}s w ON w.id = s.word_id ORDER BY 1
"""
HELD = """
SELECT t.name, count(*) FROM users u LEFT JOIN job_titles t ON t.id = u.job_title_id GROUP BY 1
"""
OUTDATED = """
SELECT DISTINCT u.email FROM compliance_outdated o JOIN users u ON u.id = o.user_id ORDER BY 1
"""


def test_the_most_used_spelling_is_kept(new_database: NewDatabase, template: str) -> None:
    dsn = new_database(template)
    command.downgrade(configuration(dsn), BEFORE)
    asyncio.run(execute(dsn, PEOPLE))
    migrate(dsn)
    departments = asyncio.run(fetch(dsn, WORDS.format(noun="department")))
    assert [tuple(row) for row in departments] == [
        ("front desk", "front  desk"),
        ("hygiene", "Hygiene"),
        ("nobody's", "Nobody's"),
    ]
    titles = asyncio.run(fetch(dsn, WORDS.format(noun="job_title")))
    assert {row[0]: row[1] for row in titles} == {
        "dentist": "Dentist",
        "office-manager": "Office\u2010manager",
        "rdh": "rdh",
        "registrar": "Registrar",
    }
    assert all(row[0] == comparable(row[1]) for row in titles)
    held = asyncio.run(fetch(dsn, HELD))
    assert {row[0]: row[1] for row in held} == {
        "Dentist": 1,
        "Office\u2010manager": 2,
        "rdh": 4,
        None: 2,
    }
    in_department = "SELECT count(*) FROM users u JOIN departments d ON d.id = u.department_id"
    [row] = asyncio.run(fetch(dsn, f"{in_department} WHERE d.name = 'front  desk'"))
    assert row[0] == 7
    outdated = asyncio.run(fetch(dsn, OUTDATED))
    assert [row[0].partition("@")[0] for row in outdated] == ["p1", "p2", "p3", "p6"]


def test_taking_over_again_changes_nothing(new_database: NewDatabase, template: str) -> None:
    dsn = new_database(template)
    command.downgrade(configuration(dsn), BEFORE)
    asyncio.run(execute(dsn, PEOPLE))
    migrate(dsn)
    everything = "SELECT * FROM job_title_spellings ORDER BY spelling"
    before = asyncio.run(fetch(dsn, everything))
    command.downgrade(configuration(dsn), f"{int(BEFORE) + 1:04}")
    migrate(dsn)
    assert asyncio.run(fetch(dsn, everything)) == before


TITLES = """
WITH word AS (INSERT INTO job_titles (name) VALUES ('Hygienist') RETURNING id)
INSERT INTO job_title_spellings (spelling, written, word_id)
SELECT spelling, written, id
  FROM word CROSS JOIN (VALUES ('hygienist', 'Hygienist'), ('rdh', 'RDH')) AS s (spelling, written);
INSERT INTO users (email, job_title)
SELECT 'p' || n || '@unified.example',
       (ARRAY['Hygienist', 'RDH', '\uff32\uff24\uff28', 'Temp  Nurse', 'temp nurse', 'Temp  Nurse',
              ' ', NULL])[n]
  FROM generate_series(1, 8) AS n;
"""
LISTED = "SELECT name, confirmed FROM job_titles ORDER BY 1"


def test_people_keep_their_title_by_id_and_as_text(
    new_database: NewDatabase, template: str
) -> None:
    """Every spelling is found, and what no list has is listed once, by its most used spelling."""
    dsn = new_database(template)
    command.downgrade(configuration(dsn), "0052")
    asyncio.run(execute(dsn, TITLES))
    changes = "SELECT count(*) FROM employment_changes"
    before = asyncio.run(fetch(dsn, changes))
    migrate(dsn)
    held = {None: 2, "Hygienist": 3, "Temp  Nurse": 3}
    assert dict(map(tuple, asyncio.run(fetch(dsn, HELD)))) == held
    listed = {"Hygienist": False, "Temp  Nurse": False}
    assert dict(map(tuple, asyncio.run(fetch(dsn, LISTED)))) == listed
    command.downgrade(configuration(dsn), "0052")
    text = asyncio.run(fetch(dsn, "SELECT job_title, count(*) FROM users GROUP BY 1"))
    assert dict(map(tuple, text)) == held
    migrate(dsn)
    assert dict(map(tuple, asyncio.run(fetch(dsn, HELD)))) == held
    assert dict(map(tuple, asyncio.run(fetch(dsn, LISTED)))) == listed
    assert asyncio.run(fetch(dsn, changes)) == before
