-- Returns how many seconds of a class count for somebody who attended it: those in which they attended
-- no other class that was closed before it. So nobody is in two rooms at once. Classes are closed one
-- after another, so that of two that overlap exactly one counts in full.
CREATE FUNCTION attended_seconds(p_session uuid, p_user uuid) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    WITH classes AS (
        SELECT s.id, s.status, s.closed_at,
               tstzmultirange(tstzrange(s.starts_at,
                   s.starts_at + make_interval(mins => s.duration_minutes))) AS held
          FROM live_session_attendances a JOIN live_sessions s ON s.id = a.session_id
         WHERE a.user_id = p_user AND a.status = 'attended'
    )
    SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0)::integer
      FROM unnest((SELECT held FROM classes WHERE id = p_session) - coalesce((
               SELECT range_agg(other.held)
                 FROM classes other JOIN classes this ON this.id = p_session
                WHERE other.status = 'closed'
                  AND (other.closed_at, other.id) < (this.closed_at, this.id)), '{}')) AS part;
END;

GRANT EXECUTE ON FUNCTION attended_seconds TO training_api;
