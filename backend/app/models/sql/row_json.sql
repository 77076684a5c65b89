-- A row as JSON, the same in every session. Columns without a value are left out, so that one which
-- is added later changes nothing about older rows.
CREATE FUNCTION row_json(p_row anyelement) RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET TimeZone = 'UTC' SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
DECLARE
    columns jsonb := to_jsonb(p_row);
BEGIN
    RETURN columns - ARRAY(SELECT key FROM jsonb_each(columns) WHERE value = 'null');
END $$;

GRANT EXECUTE ON FUNCTION row_json TO training_api;
