-- Takes the place of refuse_change() on tables whose rows are changed when a person is erased. The
-- argument names the column with the person's id or, for audit events, with the id of their target.
CREATE FUNCTION refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF erased_now((to_jsonb(OLD) ->> TG_ARGV[0])::uuid)
       OR told_of_erased((to_jsonb(OLD) ->> TG_ARGV[0])::uuid) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
