-- A tombstone written in this very transaction is the permission to erase the person's rows. Only
-- erase_person() writes one, and only the owner of the schema may call that.
CREATE FUNCTION erased_now(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM erasures
     WHERE user_id = p_user AND transaction_id = pg_current_xact_id()::text::bigint);

GRANT EXECUTE ON FUNCTION erased_now TO training_api;
