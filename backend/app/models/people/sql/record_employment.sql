-- Keeps the history of a person's employment, which rules and reports about past days depend on. It
-- is a trigger, so that every way of changing a person writes it. For a change that takes effect on
-- another day the service has already written the row; the trigger finds it and adds none.
CREATE FUNCTION record_employment() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    today date := person_day(NEW.id);
    department_name text := (SELECT d.name FROM departments d WHERE d.id = NEW.department_id);
    title text := (SELECT t.name FROM job_titles t WHERE t.id = NEW.job_title_id);
    held employment_changes;
    now_state text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        today := greatest(today, local_day(OLD.location_id));
    END IF;
    SELECT * INTO held FROM employment_changes e
     WHERE e.user_id = NEW.id AND e.effective_on <= today
     ORDER BY e.effective_on DESC, e.recorded_on DESC, e.created_at DESC, e.id DESC LIMIT 1;
    now_state := CASE WHEN NOT NEW.is_active THEN 'terminated'
                      WHEN held.state = 'leave' THEN 'leave' ELSE 'active' END;
    IF (held.state, held.role, held.worker_kind, held.location_id, held.department, held.job_title,
        held.hired_on)
       IS NOT DISTINCT FROM
       (now_state, NEW.role, NEW.worker_kind, NEW.location_id, department_name, title,
        NEW.hired_on) THEN
        RETURN NULL;
    END IF;
    INSERT INTO employment_changes (
        user_id, effective_on, recorded_on, state, role, worker_kind, location_id, department,
        job_title, hired_on)
    VALUES (
        NEW.id, CASE WHEN held.id IS NULL THEN coalesce(NEW.hired_on, today) ELSE today END,
        today, now_state, NEW.role, NEW.worker_kind, NEW.location_id, department_name,
        title, NEW.hired_on);
    IF held.id IS NULL THEN
        RETURN NULL;
    END IF;
    -- What was announced for later goes on to hold, with what is new about the person now. Whoever
    -- is let in again is not ended a second time by what ended with the employment.
    INSERT INTO employment_changes (
        user_id, effective_on, recorded_on, state, role, worker_kind, location_id, department,
        job_title, hired_on, note)
    SELECT NEW.id, f.effective_on, today,
           CASE WHEN NOT NEW.is_active THEN 'terminated'
                WHEN held.state = 'terminated'
                 AND bool_and(f.state = 'terminated') OVER (ORDER BY f.effective_on) THEN now_state
                ELSE f.state END,
           CASE WHEN f.role = held.role THEN NEW.role ELSE f.role END,
           CASE WHEN f.worker_kind = held.worker_kind
                THEN NEW.worker_kind ELSE f.worker_kind END,
           CASE WHEN f.location_id IS NOT DISTINCT FROM held.location_id
                THEN NEW.location_id ELSE f.location_id END,
           CASE WHEN f.department IS NOT DISTINCT FROM held.department
                THEN department_name ELSE f.department END,
           CASE WHEN f.job_title IS NOT DISTINCT FROM held.job_title
                THEN title ELSE f.job_title END,
           CASE WHEN f.hired_on IS NOT DISTINCT FROM held.hired_on
                THEN NEW.hired_on ELSE f.hired_on END,
           f.note
      FROM (SELECT DISTINCT ON (e.effective_on) e.*
              FROM employment_changes e
             WHERE e.user_id = NEW.id AND e.effective_on > today
             ORDER BY e.effective_on, e.recorded_on DESC, e.created_at DESC, e.id DESC) f
     ORDER BY f.effective_on;
    RETURN NULL;
END $$;

CREATE TRIGGER record_employment
AFTER INSERT OR UPDATE OF
    is_active, role, worker_kind, location_id, department_id, job_title_id, hired_on
ON users FOR EACH ROW EXECUTE FUNCTION record_employment();
