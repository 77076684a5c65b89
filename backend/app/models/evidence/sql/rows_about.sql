-- The rows whose audit events tell of a person: their own row, and what is kept about them alone.
CREATE FUNCTION rows_about(p_user uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p_user
     UNION ALL SELECT id FROM external_trainings WHERE user_id = p_user
     UNION ALL SELECT id FROM media WHERE owner_id = p_user AND purpose = 'evidence'
     UNION ALL SELECT id FROM exemptions WHERE user_id = p_user
     UNION ALL SELECT id FROM legal_holds WHERE user_id = p_user
     UNION ALL SELECT id FROM enrollments WHERE user_id = p_user
     UNION ALL SELECT id FROM quiz_attempts WHERE user_id = p_user
     UNION ALL SELECT id FROM attempt_grants WHERE user_id = p_user
     UNION ALL SELECT id FROM training_records WHERE user_id = p_user
     UNION ALL SELECT record_id FROM erased_records
               JOIN erasures ON erasures.id = erasure_id WHERE user_id = p_user
$$;

GRANT EXECUTE ON FUNCTION rows_about TO training_api;

-- As erased_now(), for audit events: they name the row that they tell of.
CREATE FUNCTION told_of_erased(p_row uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM erasures e
         WHERE e.transaction_id = pg_current_xact_id()::text::bigint
           AND p_row IN (SELECT rows_about(e.user_id)))
$$;

GRANT EXECUTE ON FUNCTION told_of_erased TO training_api;
