-- Refuses to demote or close the last admin. It is checked at the end of the transaction, because a
-- transaction that replaces an admin's row closes it before it makes the new one. The lock makes such
-- transactions wait for each other: when two admins demote each other, the second one is refused.
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
