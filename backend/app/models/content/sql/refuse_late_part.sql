-- Refuses parts of a version that are written after the transaction that published it.
CREATE FUNCTION refuse_late_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM module_versions v
                WHERE v.id = NEW.version_id AND v.created_at < now()) THEN
        RAISE EXCEPTION 'this version is published already' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER refuse_late_part BEFORE INSERT ON version_sections
FOR EACH ROW EXECUTE FUNCTION refuse_late_part();

CREATE TRIGGER refuse_late_part BEFORE INSERT ON version_media
FOR EACH ROW EXECUTE FUNCTION refuse_late_part();

CREATE TRIGGER refuse_late_part BEFORE INSERT ON answer_keys
FOR EACH ROW EXECUTE FUNCTION refuse_late_part();
