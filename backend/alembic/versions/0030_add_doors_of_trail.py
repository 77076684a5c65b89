"""Add the functions that write audit events and complete live sections; fix the times of decisions.

Rows of external evidence and live sessions can no longer be given a time in the past or future when
they are reviewed or closed. The next revision takes away the rights to write the tables directly. It
is a revision of its own, so that the code of before works until it has been replaced.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

from app.core.postgres.table_security import protect_function

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

RECORD_EVENTS = r"""
CREATE OR REPLACE FUNCTION record_events(
    p_actor uuid, p_request_id text, p_actions text[], p_targets uuid[], p_before jsonb[],
    p_after jsonb[]
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    SELECT p_actor, e.action, split_part(e.action, ':', 1), e.target, e.before, e.after,
           p_request_id
      FROM unnest(p_actions, p_targets, p_before, p_after) AS e (action, target, before, after);
    RETURN coalesce(cardinality(p_targets), 0);
END $$
"""
COMPLETE_ATTENDED = r"""
CREATE OR REPLACE FUNCTION complete_attended(
    p_session uuid, p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held live_sessions;
BEGIN
    PERFORM FROM enrollments WHERE id = p_enrollment FOR NO KEY UPDATE;
    SELECT s.* INTO held
      FROM enrollments e
      JOIN version_sections v ON v.version_id = e.version_id
      JOIN live_sessions s ON s.module_id = e.module_id AND s.section_id = v.section_id
      JOIN live_session_attendances a ON a.session_id = s.id AND a.user_id = e.user_id
     WHERE e.id = p_enrollment AND e.status = 'active' AND s.id = p_session
       AND s.status = 'closed' AND a.status = 'attended';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody attended' USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, updated_at)
    VALUES (p_enrollment, held.section_id, 'in_progress', held.duration_minutes * 60, 0,
            clock_timestamp())
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET seconds_spent = greatest(p.seconds_spent, excluded.seconds_spent)
     WHERE p.state <> 'completed';
    PERFORM complete_section(p_enrollment, held.section_id, p_actor, p_request_id);
END $$
"""
REFUSE_SETTLED_CHANGE = r"""
CREATE OR REPLACE FUNCTION refuse_settled_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    settled_at timestamptz := to_jsonb(NEW) ->> TG_ARGV[1];
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR to_jsonb(OLD) ->> 'status' = TG_ARGV[0])
       AND settled_at NOT BETWEEN now() AND clock_timestamp() THEN
        RAISE EXCEPTION 'rows of % are settled now, not at another time', TG_TABLE_NAME
              USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' THEN
        RETURN NEW;
    ELSIF TG_OP = 'UPDATE' AND (to_jsonb(OLD) ->> 'status' = TG_ARGV[0]
                             OR erased_now((to_jsonb(OLD) ->> 'user_id')::uuid)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'this row of % is settled', TG_TABLE_NAME
          USING ERRCODE = 'restrict_violation';
END $$
"""
REFUSE_SETTLED_CHANGE_BEFORE = r"""
CREATE OR REPLACE FUNCTION refuse_settled_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (to_jsonb(OLD) ->> 'status' = TG_ARGV[0]
                             OR erased_now((to_jsonb(OLD) ->> 'user_id')::uuid)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'this row of % is settled', TG_TABLE_NAME
          USING ERRCODE = 'restrict_violation';
END $$
"""

DOORS = {
    "record_events(uuid, text, text[], uuid[], jsonb[], jsonb[])": RECORD_EVENTS,
    "complete_attended(uuid, uuid, uuid, text)": COMPLETE_ATTENDED,
}
# These functions write progress and audit events, which the API's role may no longer do after the
# next revision. So they have to run with the rights of their owner.
OF_BEFORE = ("grade_attempt", "report_progress")
SETTLED = {
    "external_trainings": ("pending", "reviewed_at"),
    "live_sessions": ("scheduled", "closed_at"),
}
TRIGGER = """
CREATE OR REPLACE TRIGGER refuse_change BEFORE {events} ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_settled_change({arguments})
"""


def upgrade() -> None:
    for signature, definition in DOORS.items():
        op.execute(definition)
        for statement in protect_function(signature):
            op.execute(statement)
    for function in OF_BEFORE:
        op.execute(f"ALTER FUNCTION {function} SECURITY DEFINER")
    op.execute(REFUSE_SETTLED_CHANGE)
    for table, (status, column) in SETTLED.items():
        events, arguments = "INSERT OR UPDATE OR DELETE", f"'{status}', '{column}'"
        op.execute(TRIGGER.format(events=events, table=table, arguments=arguments))


def downgrade() -> None:
    for table, (status, _) in SETTLED.items():
        events, arguments = "UPDATE OR DELETE", f"'{status}'"
        op.execute(TRIGGER.format(events=events, table=table, arguments=arguments))
    op.execute(REFUSE_SETTLED_CHANGE_BEFORE)
    for function in OF_BEFORE:
        op.execute(f"ALTER FUNCTION {function} SECURITY INVOKER")
    for signature in DOORS:
        op.execute(f"DROP FUNCTION {signature}")
