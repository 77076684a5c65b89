-- Grading takes this lock shared and correcting takes it exclusively, so that no attempt is graded by
-- a key that is just being corrected. Both take it before they lock any row, so that they cannot
-- deadlock.
CREATE FUNCTION lock_quiz(p_version uuid, p_section uuid, p_alone boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    key bigint := hashtextextended('quiz ' || p_version || ' ' || p_section, 0);
BEGIN
    IF p_alone THEN
        PERFORM pg_advisory_xact_lock(key);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(key);
    END IF;
END $$;

GRANT EXECUTE ON FUNCTION lock_quiz TO training_api;
