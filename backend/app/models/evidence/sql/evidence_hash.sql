-- The leaf of one piece of evidence; no row where there is none. With LIMIT the query that uses it
-- looks each piece up, and never makes the text of all evidence to join it.
CREATE FUNCTION evidence_hash(p_kind text, p_id uuid) RETURNS TABLE (
    hash text, recorded_at timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT sha256_hex(e.content), e.recorded_at
      FROM evidence() e WHERE e.kind = p_kind AND e.id = p_id LIMIT 1;
END;

GRANT EXECUTE ON FUNCTION evidence_hash TO training_api;
