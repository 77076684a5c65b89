-- At the end of the transaction, because a row that is replaced is closed before its successor is
-- made. Whoever takes an admin away waits for the one before: of two admins who demote each other,
-- the second finds that there is nobody left.
CREATE FUNCTION keep_an_admin() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('users.admins', 0));
    IF NOT EXISTS (SELECT FROM users WHERE role = 'admin' AND is_active) THEN
        RAISE EXCEPTION 'nobody would be an admin'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'last_admin';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER keep_an_admin AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.is_active
                   AND NOT (NEW.role = 'admin' AND NEW.is_active))
EXECUTE FUNCTION keep_an_admin();
