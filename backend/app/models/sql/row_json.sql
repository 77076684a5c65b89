-- Returns a row as JSON, the same in every session. Columns that are null are left out, so that the
-- JSON of an old row stays the same when a column is added to the table later.
CREATE FUNCTION row_json(p_row anyelement) RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET TimeZone = 'UTC' SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
DECLARE
    columns jsonb := to_jsonb(p_row);
BEGIN
    RETURN columns - ARRAY(SELECT key FROM jsonb_each(columns) WHERE value = 'null');
END $$;

GRANT EXECUTE ON FUNCTION row_json TO training_api;
