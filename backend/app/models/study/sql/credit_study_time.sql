-- Returns how many of the claimed seconds count: at most those since the person's last report in any
-- of their enrollments, and none before p_enrolled. After a quarter of an hour without a report nothing
-- counts, since nobody knows whether the person was there: such a report only starts the clock anew, as
-- opening a section does. The row of study_clocks stays locked until the end of the transaction, so that
-- parallel reports cannot count the same seconds twice.
CREATE FUNCTION credit_study_time(p_user uuid, p_enrolled timestamptz, p_claimed integer)
RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    since timestamptz;
    elapsed integer;
    at_work boolean;
BEGIN
    SELECT reported_at INTO since FROM study_clocks WHERE user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO study_clocks (user_id, reported_at) VALUES (p_user, '-infinity')
        ON CONFLICT DO NOTHING;
        SELECT reported_at INTO since FROM study_clocks WHERE user_id = p_user FOR NO KEY UPDATE;
    END IF;
    since := greatest(since, p_enrolled);
    elapsed := greatest(floor(extract(epoch FROM clock_timestamp() - since)), 0);
    at_work := elapsed <= 900;
    -- A report that claims nothing, perhaps an old one that comes late, takes no time from the next.
    IF p_claimed > 0 OR NOT at_work THEN
        -- Whole seconds only, so that frequent reports do not lose their fractions.
        UPDATE study_clocks SET reported_at = since + make_interval(secs => elapsed)
         WHERE user_id = p_user;
    END IF;
    RETURN CASE WHEN at_work THEN least(p_claimed, elapsed) ELSE 0 END;
END $$;
