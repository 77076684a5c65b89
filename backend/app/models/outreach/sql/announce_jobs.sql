-- Wakes the workers when there is a new job, or one has to be done again. The text is what PgQueuer
-- reads; its own trigger would wake them for each job that is done as well.
CREATE FUNCTION announce_jobs() RETURNS trigger LANGUAGE plpgsql
SET search_path TO 'pg_catalog', 'public', 'pg_temp' AS $$
BEGIN
    PERFORM pg_notify('jobs', json_build_object(
        'channel', 'jobs', 'type', 'table_changed_event', 'table', 'jobs',
        'operation', lower(TG_OP), 'sent_at', now())::text);
    RETURN NULL;
END $$;

CREATE TRIGGER announce_new AFTER INSERT ON jobs
FOR EACH STATEMENT EXECUTE FUNCTION announce_jobs();

CREATE TRIGGER announce_again AFTER UPDATE OF status ON jobs
FOR EACH ROW WHEN (NEW.status = 'queued' AND OLD.status <> 'queued')
EXECUTE FUNCTION announce_jobs();

GRANT USAGE ON SEQUENCE jobs_id_seq TO training_api;
