"""Count each second of a person's study once, even when they report on several trainings at a time.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import KEPT, protect_function, protect_table

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

CREDIT_STUDY_TIME = """
CREATE OR REPLACE FUNCTION credit_study_time(p_user uuid, p_enrolled timestamptz, p_claimed integer)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz;
    elapsed integer;
BEGIN
    SELECT reported_at INTO since FROM study_clocks WHERE user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO study_clocks (user_id, reported_at) VALUES (p_user, p_enrolled)
        ON CONFLICT DO NOTHING;
        SELECT reported_at INTO since FROM study_clocks WHERE user_id = p_user FOR NO KEY UPDATE;
    END IF;
    since := greatest(since, p_enrolled);
    elapsed := greatest(floor(extract(epoch FROM clock_timestamp() - since)), 0);
    -- Whole seconds only, so that frequent reports do not lose their fractions.
    UPDATE study_clocks SET reported_at = since + make_interval(secs => elapsed)
     WHERE user_id = p_user;
    RETURN least(p_claimed, elapsed);
END $$
"""

REPORT_PROGRESS = """
CREATE OR REPLACE FUNCTION report_progress(
    p_enrollment uuid, p_user uuid, p_section uuid, p_seconds integer,
    p_position double precision, p_completed boolean, p_request_id text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    enrolled enrollments;
    rule version_sections;
    known section_progress;
    credited integer;
BEGIN
    SELECT * INTO enrolled FROM enrollments
     WHERE id = p_enrollment AND user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'enrollment_not_found');
    END IF;
    SELECT * INTO rule FROM version_sections
     WHERE version_id = enrolled.version_id AND section_id = p_section;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'section_not_found');
    ELSIF rule.completed_by = 'attempt' THEN
        RETURN jsonb_build_object('error', 'quiz_decides');
    END IF;
    SELECT * INTO known FROM section_progress
     WHERE enrollment_id = p_enrollment AND section_id = p_section;
    IF enrolled.status = 'completed' OR known.state = 'completed' THEN
        -- A late or repeated report: whatever it says is already true or comes too late.
        RETURN section_state(p_enrollment, p_section);
    ELSIF enrolled.status <> 'active' THEN
        RETURN jsonb_build_object('error', 'enrollment_closed');
    ELSIF p_completed AND rule.completed_by <> 'report' THEN
        RETURN jsonb_build_object('error', rule.completed_by || '_required');
    END IF;
    credited := coalesce(known.seconds_spent, 0);
    IF p_seconds > credited THEN
        credited := credited
                  + credit_study_time(p_user, enrolled.enrolled_at, p_seconds - credited);
    END IF;
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, updated_at)
    VALUES (p_enrollment, p_section, 'in_progress', credited, p_position, clock_timestamp())
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET seconds_spent = excluded.seconds_spent,
           position = greatest(p.position, excluded.position),
           updated_at = excluded.updated_at;
    IF p_completed AND credited >= rule.minimum_seconds
       AND greatest(p_position, known.position) >= rule.minimum_position THEN
        PERFORM complete_section(p_enrollment, p_section, p_user, p_request_id);
    END IF;
    RETURN section_state(p_enrollment, p_section);
END $$
"""

REPORT_PROGRESS_BEFORE = """
CREATE OR REPLACE FUNCTION report_progress(
    p_enrollment uuid, p_user uuid, p_section uuid, p_seconds integer,
    p_position double precision, p_completed boolean, p_request_id text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    enrolled enrollments;
    rule version_sections;
    known section_progress;
    since timestamptz;
    elapsed integer;
    credited integer;
BEGIN
    SELECT * INTO enrolled FROM enrollments
     WHERE id = p_enrollment AND user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'enrollment_not_found');
    END IF;
    SELECT * INTO rule FROM version_sections
     WHERE version_id = enrolled.version_id AND section_id = p_section;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'section_not_found');
    ELSIF rule.completed_by = 'attempt' THEN
        RETURN jsonb_build_object('error', 'quiz_decides');
    END IF;
    SELECT * INTO known FROM section_progress
     WHERE enrollment_id = p_enrollment AND section_id = p_section;
    IF enrolled.status = 'completed' OR known.state = 'completed' THEN
        -- A late or repeated report: whatever it says is already true or comes too late.
        RETURN section_state(p_enrollment, p_section);
    ELSIF enrolled.status <> 'active' THEN
        RETURN jsonb_build_object('error', 'enrollment_closed');
    ELSIF p_completed AND rule.completed_by <> 'report' THEN
        RETURN jsonb_build_object('error', rule.completed_by || '_required');
    END IF;
    since := coalesce(enrolled.reported_at, enrolled.enrolled_at);
    elapsed := greatest(floor(extract(epoch FROM clock_timestamp() - since)), 0);
    credited := greatest(least(p_seconds, coalesce(known.seconds_spent, 0) + elapsed),
                         coalesce(known.seconds_spent, 0));
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, updated_at)
    VALUES (p_enrollment, p_section, 'in_progress', credited, p_position, clock_timestamp())
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET seconds_spent = excluded.seconds_spent,
           position = greatest(p.position, excluded.position),
           updated_at = excluded.updated_at;
    -- Whole seconds only, so that frequent reports do not lose their fractions.
    UPDATE enrollments SET reported_at = since + make_interval(secs => elapsed)
     WHERE id = p_enrollment;
    IF p_completed AND credited >= rule.minimum_seconds
       AND greatest(p_position, known.position) >= rule.minimum_position THEN
        PERFORM complete_section(p_enrollment, p_section, p_user, p_request_id);
    END IF;
    RETURN section_state(p_enrollment, p_section);
END $$
"""


def upgrade() -> None:
    op.create_table(
        "study_clocks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_study_clocks_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_study_clocks")),
    )
    for statement in protect_table("study_clocks", KEPT):
        op.execute(statement)
    op.execute("""
        INSERT INTO study_clocks (user_id, reported_at)
        SELECT user_id, max(reported_at) FROM enrollments
         WHERE reported_at IS NOT NULL GROUP BY user_id
    """)
    op.execute(CREDIT_STUDY_TIME)
    for statement in protect_function("credit_study_time(uuid, timestamptz, integer)"):
        op.execute(statement)
    op.execute(REPORT_PROGRESS)


def downgrade() -> None:
    op.execute(REPORT_PROGRESS_BEFORE)
    op.execute("DROP FUNCTION credit_study_time(uuid, timestamptz, integer)")
    op.execute("""
        UPDATE enrollments e SET reported_at = c.reported_at
          FROM study_clocks c
         WHERE c.user_id = e.user_id AND e.status = 'active'
           AND c.reported_at > greatest(e.reported_at, e.enrolled_at)
    """)
    op.drop_table("study_clocks")
