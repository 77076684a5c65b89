CREATE FUNCTION unsealed_evidence() RETURNS TABLE (
    kind text, id uuid, recorded_at timestamptz, of_sealing boolean, covers text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT e.kind, e.id, e.recorded_at, e.of_sealing,
           CASE WHEN e.kind IN ('audit_events', 'record_seals') THEN 'audit_trail' ELSE e.kind END
      FROM evidence() e
     WHERE NOT EXISTS (
        SELECT FROM sealed_records s WHERE s.record_id = e.id AND s.kind = e.kind);
END;

GRANT EXECUTE ON FUNCTION unsealed_evidence TO training_api;
