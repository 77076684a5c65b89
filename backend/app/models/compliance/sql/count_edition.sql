-- Counts the changes to what reports show, so that a cached report can be told from a stale one. The
-- count is the sum over several rows. A transaction adds to a row that no other transaction has
-- locked, and makes a new one if there is none, so that writers never wait for each other.
CREATE FUNCTION count_edition() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE compliance_editions SET number = number + 1
     WHERE id = (SELECT id FROM compliance_editions LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        INSERT INTO compliance_editions (number) VALUES (1);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER count_edition AFTER INSERT OR UPDATE OR DELETE ON compliance_counts
FOR EACH STATEMENT EXECUTE FUNCTION count_edition();

CREATE TRIGGER count_edition AFTER INSERT OR UPDATE OR DELETE ON requirements
FOR EACH STATEMENT EXECUTE FUNCTION count_edition();

CREATE TRIGGER count_edition AFTER INSERT OR UPDATE OR DELETE ON locations
FOR EACH STATEMENT EXECUTE FUNCTION count_edition();

CREATE TRIGGER count_edition AFTER INSERT OR UPDATE OR DELETE ON compliance_outdated
FOR EACH STATEMENT EXECUTE FUNCTION count_edition();
