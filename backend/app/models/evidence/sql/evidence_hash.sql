-- Returns the hash of one piece of evidence, or no row if there is no such piece. LIMIT keeps
-- PostgreSQL from joining the calling query with the text of all evidence, which would take long; it
-- looks up each piece instead.
CREATE FUNCTION evidence_hash(p_kind text, p_id uuid) RETURNS TABLE (
    hash text, recorded_at timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT sha256_hex(e.content), e.recorded_at
      FROM evidence() e WHERE e.kind = p_kind AND e.id = p_id LIMIT 1;
END;

GRANT EXECUTE ON FUNCTION evidence_hash TO training_api;
