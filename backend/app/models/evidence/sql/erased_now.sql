-- Tells whether the current transaction is erasing the person: it has written their row of erasures.
-- Only erase_person() writes such a row, and only the owner of the schema may call that function.
CREATE FUNCTION erased_now(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM erasures
     WHERE user_id = p_user AND transaction_id = pg_current_xact_id()::text::bigint);

GRANT EXECUTE ON FUNCTION erased_now TO training_api;
