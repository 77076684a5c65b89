-- Returns how many of the claimed seconds count: at most those since the person's last report in any
-- of their enrollments, none before p_enrolled, and none of a class that they attended. After a quarter
-- of an hour without a report nothing counts, since nobody knows whether the person was there: such a
-- report only starts the clock anew, as opening a section does. The clock stays locked until the end of
-- the transaction, so that neither parallel reports nor a class that is closed meanwhile count the same
-- seconds twice. What counts is noted as the last seconds before this report, as a class that is closed
-- later asks; the notes of reports that follow each other within a minute are one.
CREATE FUNCTION credit_study_time(p_user uuid, p_enrolled timestamptz, p_claimed integer)
RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    since timestamptz := greatest(lock_study_clock(p_user), p_enrolled);
    elapsed integer := greatest(floor(extract(epoch FROM clock_timestamp() - since)), 0);
    until timestamptz := since + make_interval(secs => elapsed);
    at_work boolean := elapsed <= 900;
    credited integer := 0;
BEGIN
    -- A report that claims nothing, perhaps an old one that comes late, takes no time from the next.
    IF p_claimed > 0 OR NOT at_work THEN
        -- Whole seconds only, so that frequent reports do not lose their fractions.
        UPDATE study_clocks SET reported_at = until WHERE user_id = p_user;
    END IF;
    IF at_work AND p_claimed > 0 THEN
        SELECT least(p_claimed, coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0))
          INTO credited
          FROM unnest(tstzmultirange(tstzrange(since, until)) - class_times(p_user)) part;
    END IF;
    IF credited > 0 THEN
        PERFORM note_study_time(p_user, until - make_interval(secs => credited), until);
    END IF;
    RETURN credited;
END $$;
