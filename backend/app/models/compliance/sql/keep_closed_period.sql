-- A closed period may be deleted only after superseded_periods has received a copy, and may never be
-- updated. It may still be changed on the day on which it was closed. That day depends on the time
-- zone of the office; it is over everywhere once it is over at UTC-12 (which is Etc/GMT+12).
CREATE FUNCTION keep_closed_period() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF OLD.outcome <> 'open'
       AND OLD.closed_on < (clock_timestamp() AT TIME ZONE 'Etc/GMT+12')::date
       AND (TG_OP = 'UPDATE' OR NOT EXISTS (
           SELECT FROM superseded_periods s WHERE s.id = OLD.id)) THEN
        RAISE EXCEPTION 'certification period % is closed', OLD.id
              USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_closed_period BEFORE UPDATE OR DELETE ON certification_periods
FOR EACH ROW EXECUTE FUNCTION keep_closed_period();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON certification_periods
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
