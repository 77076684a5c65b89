"""Record a single audit event without arrays, which takes two thirds of the time.

Revision ID: 0041
Revises: 0040
"""

from textwrap import dedent

from alembic import op

revision: str = "0041"
down_revision: str | None = "0040"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION guarded_actions()
     RETURNS text[]
     LANGUAGE sql
     IMMUTABLE PARALLEL SAFE
    RETURN ARRAY['attempt:graded'::text, 'enrollment:completed'::text, 'record_seal:created'::text, 'section:acknowledged'::text, 'section:completed'::text, 'training_record:corrected'::text, 'training_record:issued'::text, 'user:erased'::text]
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION record_event(p_actor uuid, p_request_id text, p_action text, p_target uuid, p_before jsonb, p_after jsonb)
     RETURNS integer
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF p_action = ANY (guarded_actions()) THEN
            RAISE EXCEPTION 'only the function that does this may say so'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
        VALUES (p_actor, p_action, split_part(p_action, ':', 1), p_target, p_before, p_after,
                p_request_id);
        RETURN 1;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION record_events(p_actor uuid, p_request_id text, p_actions text[], p_targets uuid[], p_before jsonb[], p_after jsonb[])
     RETURNS integer
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF p_actions && guarded_actions() THEN
            RAISE EXCEPTION 'only the function that does this may say so'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
        SELECT p_actor, e.action, split_part(e.action, ':', 1), e.target, e.before, e.after,
               p_request_id
          FROM unnest(p_actions, p_targets, p_before, p_after) AS e (action, target, before, after);
        RETURN coalesce(cardinality(p_targets), 0);
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    GRANT EXECUTE ON FUNCTION record_event(uuid,text,text,uuid,jsonb,jsonb) TO training_api
    """)
    )


def downgrade() -> None:
    op.execute(
        dedent(r"""
    REVOKE ALL ON FUNCTION record_event(uuid,text,text,uuid,jsonb,jsonb) FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION record_events(p_actor uuid, p_request_id text, p_actions text[], p_targets uuid[], p_before jsonb[], p_after jsonb[])
     RETURNS integer
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF p_actions && ARRAY['attempt:graded', 'enrollment:completed', 'record_seal:created',
                              'section:acknowledged', 'section:completed', 'training_record:corrected',
                              'training_record:issued', 'user:erased'] THEN
            RAISE EXCEPTION 'only the function that does this may say so'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
        SELECT p_actor, e.action, split_part(e.action, ':', 1), e.target, e.before, e.after,
               p_request_id
          FROM unnest(p_actions, p_targets, p_before, p_after) AS e (action, target, before, after);
        RETURN coalesce(cardinality(p_targets), 0);
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION record_event(uuid,text,text,uuid,jsonb,jsonb)
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION guarded_actions()
    """)
    )
