"""Add the functions that write signatures and seals, with their times, numbers and hashes.

The next revision takes away the rights to write the tables directly. It is a revision of its own, so
that the code of before works until it has been replaced.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

from app.core.postgres.table_security import PUBLIC_ROLES, protect_function

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

MERKLE_ROOT = r"""
CREATE FUNCTION merkle_root(p_hashes text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    level bytea[];
BEGIN
    SELECT array_agg(sha256('\x00'::bytea || decode(leaf, 'hex')) ORDER BY place) INTO level
      FROM unnest(p_hashes) WITH ORDINALITY AS l (leaf, place);
    WHILE cardinality(level) > 1 LOOP
        SELECT array_agg(pair.node ORDER BY pair.place) INTO level
          FROM (SELECT (place - 1) / 2 AS place,
                       CASE count(*) WHEN 1 THEN string_agg(node, ''::bytea)
                            ELSE sha256('\x01'::bytea || string_agg(node, ''::bytea ORDER BY place))
                       END AS node
                  FROM unnest(level) WITH ORDINALITY AS n (node, place)
                 GROUP BY 1) pair;
    END LOOP;
    RETURN encode(coalesce(level[1], sha256('')), 'hex');
END $$
"""
SEAL_HASH = r"""
CREATE FUNCTION seal_hash(p_previous text, p_number integer, p_count integer, p_root text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(
    p_previous || ':' || p_number || ':' || p_count || ':' || p_root, 'UTF8')), 'hex')
"""
SEAL_RECORDS = r"""
CREATE FUNCTION seal_records(p_limit integer, p_actor uuid, p_request_id text)
RETURNS SETOF record_seals LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    previous record_seals;
    made record_seals;
    record_ids uuid[];
    hashes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('record_seals', 0));
    SELECT array_agg(t.id ORDER BY t.id), array_agg(t.hash ORDER BY t.id) INTO record_ids, hashes
      FROM (SELECT r.id, r.hash FROM training_records r
             WHERE NOT EXISTS (SELECT FROM sealed_records s WHERE s.record_id = r.id)
             ORDER BY r.id LIMIT p_limit) t;
    IF hashes IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO previous FROM record_seals ORDER BY number DESC LIMIT 1;
    made.id := gen_random_uuid();
    made.number := coalesce(previous.number, 0) + 1;
    made.record_count := cardinality(hashes);
    made.merkle_root := merkle_root(hashes);
    made.previous_hash := coalesce(previous.hash, repeat('0', 64));
    made.hash := seal_hash(made.previous_hash, made.number, made.record_count, made.merkle_root);
    made.created_at := clock_timestamp();
    INSERT INTO record_seals SELECT made.*;
    INSERT INTO sealed_records (seal_id, position, record_id, record_hash)
    SELECT made.id, l.position, l.record_id, l.hash
      FROM unnest(record_ids, hashes) WITH ORDINALITY AS l (record_id, hash, position);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'record_seal:created', 'record_seal', made.id,
            jsonb_build_object('number', made.number, 'record_count', made.record_count,
                               'hash', made.hash), p_request_id);
    RETURN NEXT made;
END $$
"""
SIGN_SECTION = r"""
CREATE FUNCTION sign_section(
    p_enrollment uuid, p_section uuid, p_printed_name text, p_meaning text, p_request_id text
) RETURNS SETOF signatures LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    made signatures;
BEGIN
    PERFORM FROM enrollments WHERE id = p_enrollment FOR NO KEY UPDATE;
    INSERT INTO signatures (
        enrollment_id, section_id, user_id, printed_name, meaning, document_sha256)
    SELECT e.id, v.section_id, e.user_id, p_printed_name, p_meaning, v.document_sha256
      FROM enrollments e
      JOIN version_sections v ON v.version_id = e.version_id AND v.section_id = p_section
     WHERE e.id = p_enrollment AND e.status = 'active' AND v.document_sha256 IS NOT NULL
    RETURNING * INTO made;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (made.user_id, 'section:acknowledged', 'section', made.id,
            jsonb_build_object('section_id', made.section_id,
                               'document_sha256', made.document_sha256), p_request_id);
    PERFORM complete_section(p_enrollment, p_section, made.user_id, p_request_id);
    RETURN NEXT made;
END $$
"""

HELPERS = {"merkle_root(text[])": MERKLE_ROOT, "seal_hash(text, integer, integer, text)": SEAL_HASH}
DOORS = {
    "seal_records(integer, uuid, text)": SEAL_RECORDS,
    "sign_section(uuid, uuid, text, text, text)": SIGN_SECTION,
}
OF_BEFORE = ("complete_section", "settle_regrade")


def upgrade() -> None:
    for signature, definition in HELPERS.items():
        op.execute(definition)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, {', '.join(PUBLIC_ROLES)}")
    for signature, definition in DOORS.items():
        op.execute(definition)
        for statement in protect_function(signature):
            op.execute(statement)
    for function in OF_BEFORE:
        op.execute(f"ALTER FUNCTION {function} SECURITY DEFINER")


def downgrade() -> None:
    for function in OF_BEFORE:
        op.execute(f"ALTER FUNCTION {function} SECURITY INVOKER")
    for signature in (*DOORS, *HELPERS):
        op.execute(f"DROP FUNCTION {signature}")
