-- Counts how often a job was taken from a worker that had died, or had lost the database. PgQueuer
-- counts only what workers tell of a job: one that kills its worker would be taken up without end.
CREATE FUNCTION count_loss() RETURNS trigger LANGUAGE plpgsql
SET search_path TO 'pg_catalog', 'public', 'pg_temp' AS $$
BEGIN
    NEW.attempts := OLD.attempts + 1;
    NEW.headers := jsonb_build_object(
        'losses', coalesce((OLD.headers ->> 'losses')::integer, 0) + 1);
    RETURN NEW;
END $$;

CREATE TRIGGER count_loss BEFORE UPDATE OF queue_manager_id ON jobs
FOR EACH ROW WHEN (OLD.status = 'picked' AND NEW.status = 'picked'
                   AND OLD.queue_manager_id <> NEW.queue_manager_id)
EXECUTE FUNCTION count_loss();
