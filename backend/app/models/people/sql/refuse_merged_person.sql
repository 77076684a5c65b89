-- Refuses to enroll the entry of a person who goes on under another. The entry is locked against a
-- merge, as by the foreign key, but before its columns are read: so whoever enrolls and whoever merges
-- wait for each other, and the later one sees what the first has done.
CREATE FUNCTION refuse_merged_person() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    continues uuid;
BEGIN
    SELECT merged_into_id INTO continues FROM users WHERE id = NEW.user_id FOR KEY SHARE;
    IF continues IS NOT NULL THEN
        RAISE EXCEPTION 'this entry was merged into another'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'refuse_merged_person';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER refuse_merged_person BEFORE INSERT ON enrollments
FOR EACH ROW EXECUTE FUNCTION refuse_merged_person();
