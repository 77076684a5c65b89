-- Refuses to change the name under which somebody signs, or their aliases, without an audit event
-- about the person in the same transaction. So the trail, which nobody can change, says who did it.
CREATE FUNCTION refuse_untold_name() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM audit_events e
                    WHERE e.target_id = NEW.id AND e.target_type = 'user'
                      AND e.created_at >= now()) THEN
        RAISE EXCEPTION 'no event tells of this change of name'
              USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER refuse_untold_name AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (
    (CASE WHEN OLD.name_confirmed THEN OLD.full_name ELSE OLD.previous_name END, OLD.name_aliases)
    IS DISTINCT FROM
    (CASE WHEN NEW.name_confirmed THEN NEW.full_name ELSE NEW.previous_name END, NEW.name_aliases))
EXECUTE FUNCTION refuse_untold_name();
