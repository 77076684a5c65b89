-- Not unique: nobody who completes something waits for a reconciliation that takes a row away.
CREATE FUNCTION note_training_record() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO compliance_pending (user_id, module_id) VALUES (NEW.user_id, NEW.module_id);
    RETURN NULL;
END $$;

CREATE TRIGGER note_training_record AFTER INSERT ON training_records
FOR EACH ROW EXECUTE FUNCTION note_training_record();
