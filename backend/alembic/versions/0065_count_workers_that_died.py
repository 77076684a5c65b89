"""Count the workers that died while they did a job.

Revision ID: 0065
Revises: 0064
"""

from textwrap import dedent

from alembic import op

revision: str = "0065"
down_revision: str | None = "0064"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True
"""Whether code of the revision before works on with this schema (docs/database.md)."""


def upgrade() -> None:
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION count_loss()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        NEW.attempts := OLD.attempts + 1;
        NEW.headers := jsonb_build_object(
            'losses', coalesce((OLD.headers ->> 'losses')::integer, 0) + 1);
        RETURN NEW;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER count_loss BEFORE UPDATE OF queue_manager_id ON jobs FOR EACH ROW WHEN (old.status = 'picked'::job_status AND new.status = 'picked'::job_status AND old.queue_manager_id <> new.queue_manager_id) EXECUTE FUNCTION count_loss()
    """)
    )


def downgrade() -> None:
    op.execute(
        dedent(r"""
    DROP TRIGGER count_loss ON jobs
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION count_loss()
    """)
    )
