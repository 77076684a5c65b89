-- Returns when somebody attended classes that are closed.
CREATE FUNCTION class_times(p_user uuid) RETURNS tstzmultirange
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT coalesce(range_agg(tstzrange(
               s.starts_at, s.starts_at + make_interval(mins => s.duration_minutes))), '{}')
      FROM live_session_attendances a JOIN live_sessions s ON s.id = a.session_id
     WHERE a.user_id = p_user AND a.status = 'attended' AND s.status = 'closed';
END;
