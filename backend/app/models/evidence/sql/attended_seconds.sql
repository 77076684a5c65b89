-- Returns how many seconds of a closed class count for somebody who attended it; 0 for everybody else.
-- They were counted when the class was closed, see count_attendance, and stay so. Classes that were
-- closed before they were counted have none: of these the whole class counts, as it did then.
CREATE FUNCTION attended_seconds(p_session uuid, p_user uuid) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT coalesce((
        SELECT coalesce(a.counted_seconds, 60 * s.duration_minutes)
          FROM live_session_attendances a JOIN live_sessions s ON s.id = a.session_id
         WHERE s.id = p_session AND s.status = 'closed'
           AND a.user_id = p_user AND a.status = 'attended'), 0);
END;

GRANT EXECUTE ON FUNCTION attended_seconds TO training_api;
