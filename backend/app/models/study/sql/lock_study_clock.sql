-- Locks a person's clock until the end of the transaction, and makes it where there is none yet.
-- Returns the instant up to which their time was counted.
CREATE FUNCTION lock_study_clock(p_user uuid) RETURNS timestamptz LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    since timestamptz;
BEGIN
    SELECT reported_at INTO since FROM study_clocks WHERE user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO study_clocks (user_id, reported_at) VALUES (p_user, '-infinity')
        ON CONFLICT DO NOTHING;
        SELECT reported_at INTO since FROM study_clocks WHERE user_id = p_user FOR NO KEY UPDATE;
    END IF;
    RETURN since;
END $$;
