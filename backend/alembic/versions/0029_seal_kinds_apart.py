"""Let each seal cover one kind of evidence, and include the kind in its hash.

Revision ID: 0029
Revises: 0028
"""

from alembic import op

from app.core.postgres.table_security import protect_function

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""`training records verify` of 0028 reads a column of `unsealed_evidence` that is dropped here."""

SEAL_HASH = r"""
CREATE OR REPLACE FUNCTION seal_hash(
    p_previous text, p_number integer, p_count integer, p_root text, p_covers text
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(
    concat_ws(':', p_previous, p_number, p_count, p_root, p_covers), 'UTF8')), 'hex')
"""
SEAL_HASH_BEFORE = r"""
CREATE OR REPLACE FUNCTION seal_hash(
    p_previous text, p_number integer, p_count integer, p_root text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(
    p_previous || ':' || p_number || ':' || p_count || ':' || p_root, 'UTF8')), 'hex')
"""
UNSEALED_EVIDENCE = r"""
CREATE OR REPLACE FUNCTION unsealed_evidence() RETURNS TABLE (
    kind text, id uuid, recorded_at timestamptz, of_sealing boolean, covers text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT e.kind, e.id, e.recorded_at, e.of_sealing,
           CASE WHEN e.kind IN ('audit_events', 'record_seals') THEN 'audit_trail' ELSE e.kind END
      FROM evidence() e
     WHERE NOT EXISTS (
        SELECT FROM sealed_records s WHERE s.record_id = e.id AND s.kind = e.kind);
END
"""
UNSEALED_EVIDENCE_BEFORE = r"""
CREATE OR REPLACE FUNCTION unsealed_evidence() RETURNS TABLE (
    kind text, id uuid, recorded_at timestamptz, of_sealing boolean, is_trail boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT e.kind, e.id, e.recorded_at, e.of_sealing, e.kind IN ('audit_events', 'record_seals')
      FROM evidence() e
     WHERE NOT EXISTS (
        SELECT FROM sealed_records s WHERE s.record_id = e.id AND s.kind = e.kind);
END
"""
SEAL_RECORDS = r"""
CREATE OR REPLACE FUNCTION seal_records(p_limit integer, p_actor uuid, p_request_id text)
RETURNS SETOF record_seals LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    previous record_seals;
    made record_seals;
    kinds text[];
    ids uuid[];
    hashes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('record_seals', 0));
    SELECT u.covers INTO made.covers FROM unsealed_evidence() u WHERE NOT u.of_sealing
     ORDER BY u.covers = 'audit_trail', u.covers <> 'training_records', u.recorded_at, u.id LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT array_agg(u.kind ORDER BY u.place), array_agg(u.id ORDER BY u.place),
           array_agg(h.hash ORDER BY u.place) INTO kinds, ids, hashes
      FROM (SELECT o.kind, o.id, row_number() OVER (ORDER BY o.recorded_at, o.id) AS place
              FROM unsealed_evidence() o WHERE o.covers = made.covers
             ORDER BY place LIMIT p_limit) u
     CROSS JOIN LATERAL evidence_hash(u.kind, u.id) h;
    SELECT * INTO previous FROM record_seals ORDER BY number DESC LIMIT 1;
    made.id := gen_random_uuid();
    made.number := coalesce(previous.number, 0) + 1;
    made.record_count := cardinality(hashes);
    made.merkle_root := merkle_root(hashes);
    made.previous_hash := coalesce(previous.hash, repeat('0', 64));
    made.hash := seal_hash(
        made.previous_hash, made.number, made.record_count, made.merkle_root, made.covers);
    made.created_at := clock_timestamp();
    INSERT INTO record_seals SELECT made.*;
    INSERT INTO sealed_records (seal_id, position, kind, record_id, record_hash)
    SELECT made.id, l.position, l.kind, l.record_id, l.hash
      FROM unnest(kinds, ids, hashes) WITH ORDINALITY AS l (kind, record_id, hash, position);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'record_seal:created', 'record_seal', made.id,
            jsonb_build_object('number', made.number, 'covers', made.covers,
                               'record_count', made.record_count, 'hash', made.hash), p_request_id);
    RETURN NEXT made;
END $$
"""
SEAL_RECORDS_BEFORE = r"""
CREATE OR REPLACE FUNCTION seal_records(p_limit integer, p_actor uuid, p_request_id text)
RETURNS SETOF record_seals LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    previous record_seals;
    made record_seals;
    the_trail boolean;
    kinds text[];
    ids uuid[];
    hashes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('record_seals', 0));
    SELECT min(u.is_trail::int)::boolean INTO the_trail
      FROM unsealed_evidence() u WHERE NOT u.of_sealing;
    IF the_trail IS NULL THEN
        RETURN;
    END IF;
    SELECT array_agg(u.kind ORDER BY u.place), array_agg(u.id ORDER BY u.place),
           array_agg(h.hash ORDER BY u.place) INTO kinds, ids, hashes
      FROM (SELECT o.kind, o.id, row_number() OVER (ORDER BY o.recorded_at, o.id) AS place
              FROM unsealed_evidence() o WHERE o.is_trail = the_trail
             ORDER BY place LIMIT p_limit) u
     CROSS JOIN LATERAL evidence_hash(u.kind, u.id) h;
    SELECT * INTO previous FROM record_seals ORDER BY number DESC LIMIT 1;
    made.id := gen_random_uuid();
    made.number := coalesce(previous.number, 0) + 1;
    made.record_count := cardinality(hashes);
    made.merkle_root := merkle_root(hashes);
    made.previous_hash := coalesce(previous.hash, repeat('0', 64));
    made.hash := seal_hash(made.previous_hash, made.number, made.record_count, made.merkle_root);
    made.created_at := clock_timestamp();
    INSERT INTO record_seals SELECT made.*;
    INSERT INTO sealed_records (seal_id, position, kind, record_id, record_hash)
    SELECT made.id, l.position, l.kind, l.record_id, l.hash
      FROM unnest(kinds, ids, hashes) WITH ORDINALITY AS l (kind, record_id, hash, position);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'record_seal:created', 'record_seal', made.id,
            jsonb_build_object('number', made.number, 'record_count', made.record_count,
                               'hash', made.hash), p_request_id);
    RETURN NEXT made;
END $$
"""
# A downgrade keeps the column, because the hash of a seal covers its value. Until the next upgrade,
# the code of 0028 reports the seals that have a value there as broken.
COVERS = "ALTER TABLE record_seals ADD COLUMN IF NOT EXISTS covers varchar(64)"


BEFORE, NOW = (
    "seal_hash(text, integer, integer, text)",
    "seal_hash(text, integer, integer, text, text)",
)
UNSEALED = "unsealed_evidence()"


def upgrade() -> None:
    op.execute(COVERS)
    _replace(BEFORE, NOW, SEAL_HASH)
    _replace(UNSEALED, UNSEALED, UNSEALED_EVIDENCE)
    op.execute(SEAL_RECORDS)


def downgrade() -> None:
    _replace(NOW, BEFORE, SEAL_HASH_BEFORE)
    _replace(UNSEALED, UNSEALED, UNSEALED_EVIDENCE_BEFORE)
    op.execute(SEAL_RECORDS_BEFORE)


def _replace(old: str, new: str, definition: str) -> None:
    op.execute(f"DROP FUNCTION {old}")
    op.execute(definition)
    revoke, grant = protect_function(new)
    op.execute(revoke)
    if new == UNSEALED:
        op.execute(grant)
