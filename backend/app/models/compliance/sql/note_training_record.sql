-- Notes that the person has to be reconciled. The note may be there twice: with a unique constraint,
-- completing a module would wait for a reconciliation that is deleting the same note.
CREATE FUNCTION note_training_record() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO compliance_pending (user_id, module_id) VALUES (NEW.user_id, NEW.module_id);
    RETURN NULL;
END $$;

CREATE TRIGGER note_training_record AFTER INSERT ON training_records
FOR EACH ROW EXECUTE FUNCTION note_training_record();
