-- Locks people against being worked out by others, until the transaction ends, and returns them: who
-- goes on under another entry is worked out together with that one, for which their evidence counts.
-- What was waited for may have been the merge, so whose the entries are is read again under the lock.
CREATE FUNCTION lock_people(p_entries uuid[]) RETURNS uuid[] LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    locked uuid[] := '{}';
    people uuid[];
BEGIN
    LOOP
        people := ARRAY(
            SELECT unnest(p_entries)
             UNION
            SELECT merged_into_id FROM users
             WHERE id = ANY (p_entries) AND merged_into_id IS NOT NULL
             ORDER BY 1);
        EXIT WHEN people <@ locked;
        PERFORM pg_advisory_xact_lock(hashtextextended('compliance ' || person, 0))
           FROM (SELECT unnest(people) AS person EXCEPT SELECT unnest(locked) ORDER BY 1) AS ordered;
        locked := locked || people;
    END LOOP;
    RETURN people;
END $$;

GRANT EXECUTE ON FUNCTION lock_people TO training_api;
