-- Notes when study counted: as a longer last note where that ended less than a minute before.
CREATE FUNCTION note_study_time(p_user uuid, p_began timestamptz, p_ended timestamptz)
RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE study_times SET ended_at = p_ended
     WHERE user_id = p_user
       AND began_at = (SELECT max(began_at) FROM study_times WHERE user_id = p_user)
       AND ended_at > p_began - interval '1 minute';
    IF NOT FOUND THEN
        INSERT INTO study_times (user_id, began_at, ended_at) VALUES (p_user, p_began, p_ended);
    END IF;
END $$;
