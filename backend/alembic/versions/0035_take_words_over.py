"""Take over the words that are in use: of several spellings of one word, the most used.

Revision ID: 0035
Revises: 0034
"""

from alembic import op

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

# What `app.domain.word.comparable` makes of a word, for the letters that names are made of. A word
# that the two fold apart is still found by its name in any case.
FOLD = r"""
left(trim(regexp_replace(replace(translate(lower(normalize({word}, NFKC)),
     E'\u2018\u2019\u201a\u201b\u2032\u201c\u201d\u201e\u201f\u2033'
     '\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u0131\u00ad\u200b\u200c\u200d\u2060\ufeff',
     E'\u0027\u0027\u0027\u0027\u0027\u0022\u0022\u0022\u0022\u0022-------i'),
     E'i\u0307', 'i'), '\s+', ' ', 'g')), 200)
"""
DEPARTMENTS = f"""
CREATE TEMPORARY TABLE spelled_alike ON COMMIT DROP AS
SELECT id, name, spelling,
       first_value(id) OVER (PARTITION BY spelling ORDER BY today DESC, ever DESC, id) AS kept
  FROM (SELECT d.id, d.name, {FOLD.format(word="d.name")} AS spelling,
               count(u.id) FILTER (WHERE u.is_active) AS today, count(u.id) AS ever
          FROM departments d LEFT JOIN users u ON u.department_id = d.id GROUP BY d.id) AS used
 WHERE spelling <> ''
"""  # noqa: S608  # made of constants
JOB_TITLES = f"""
CREATE TEMPORARY TABLE spelled_alike ON COMMIT DROP AS
SELECT name, spelling,
       first_value(name) OVER (PARTITION BY spelling ORDER BY today DESC, ever DESC, name) AS kept
  FROM (SELECT name, {FOLD.format(word="name")} AS spelling, sum(today) AS today, sum(ever) AS ever
          FROM (SELECT job_title AS name, count(*) FILTER (WHERE is_active) AS today,
                       count(*) AS ever
                  FROM users GROUP BY job_title
                 UNION ALL SELECT job_title, 0, count(*) FROM employment_changes GROUP BY job_title
                 UNION ALL SELECT named #>> ARRAY[]::text[], 0, 1 FROM requirement_versions
                 CROSS JOIN jsonb_path_query(rule, '$.audience.job_titles[*]') AS named) AS uses
         WHERE name IS NOT NULL GROUP BY name) AS used
 WHERE spelling <> ''
"""  # noqa: S608  # made of constants
# What is stored of people's compliance has their words in it. Only where there is somebody, because
# the matrix is made anew after each statement that may queue people.
QUEUE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM spelled_alike w WHERE {changed}) THEN
        INSERT INTO compliance_outdated (user_id, requirement_id)
        SELECT held.user_id, r.id
          FROM (SELECT DISTINCT e.user_id FROM employment_changes e
                  JOIN spelled_alike w ON w.name = e.{noun} WHERE {changed}) AS held
         CROSS JOIN requirements r ORDER BY held.user_id;
    END IF;
END $$
"""


def upgrade() -> None:
    for statement in (
        DEPARTMENTS,
        """
        INSERT INTO department_spellings (spelling, written, word_id)
        SELECT spelling, name, id FROM spelled_alike WHERE id = kept ON CONFLICT DO NOTHING
        """,
        """
        UPDATE users u SET department_id = w.kept, revision = revision + 1
          FROM spelled_alike w WHERE w.id = u.department_id AND w.id <> w.kept
        """,
        QUEUE.format(noun="department", changed="w.id <> w.kept"),
        "DELETE FROM departments d USING spelled_alike w WHERE w.id = d.id AND w.id <> w.kept",
        "DROP TABLE spelled_alike",
        JOB_TITLES,
        """
        INSERT INTO job_titles (name)
        SELECT kept FROM spelled_alike w
         WHERE name = kept AND NOT EXISTS (
               SELECT FROM job_title_spellings s WHERE s.spelling = w.spelling)
        """,
        """
        INSERT INTO job_title_spellings (spelling, written, word_id)
        SELECT w.spelling, w.name, t.id FROM spelled_alike w JOIN job_titles t ON t.name = w.name
         WHERE w.name = w.kept ON CONFLICT DO NOTHING
        """,
        """
        UPDATE users u SET job_title = w.kept, revision = revision + 1
          FROM spelled_alike w WHERE w.name = u.job_title AND w.name <> w.kept
        """,
        QUEUE.format(noun="job_title", changed="w.name <> w.kept"),
        "DROP TABLE spelled_alike",
    ):
        op.execute(statement)


def downgrade() -> None:
    """Leave the words as they are: code of before can work with any."""
