-- Returns the ids whose audit events are about a person: their own, and those of all rows that are
-- about nobody else.
CREATE FUNCTION rows_about(p_user uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p_user
     UNION ALL SELECT id FROM external_trainings WHERE user_id = p_user
     UNION ALL SELECT id FROM source_checks WHERE user_id = p_user
     UNION ALL SELECT id FROM media WHERE owner_id = p_user AND purpose = 'evidence'
     UNION ALL SELECT id FROM exemptions WHERE user_id = p_user
     UNION ALL SELECT id FROM positions WHERE user_id = p_user
     UNION ALL SELECT id FROM merges WHERE p_user IN (user_id, merged_id)
     UNION ALL SELECT id FROM legal_holds WHERE user_id = p_user
     UNION ALL SELECT id FROM enrollments WHERE user_id = p_user
     UNION ALL SELECT id FROM quiz_attempts WHERE user_id = p_user
     UNION ALL SELECT id FROM attempt_grants WHERE user_id = p_user
     UNION ALL SELECT id FROM training_records WHERE user_id = p_user
     UNION ALL SELECT record_id FROM erased_records
               JOIN erasures ON erasures.id = erasure_id WHERE user_id = p_user
$$;

GRANT EXECUTE ON FUNCTION rows_about TO training_api;

-- Like erased_now(), for audit events, which name the row that they are about and not the person.
CREATE FUNCTION told_of_erased(p_row uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM erasures e
         WHERE e.transaction_id = pg_current_xact_id()::text::bigint
           AND p_row IN (SELECT rows_about(e.user_id)))
$$;

GRANT EXECUTE ON FUNCTION told_of_erased TO training_api;
