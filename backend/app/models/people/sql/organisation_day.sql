-- Rules are recorded under the latest of all offices' days, so that they change no office's past.
CREATE FUNCTION organisation_day() RETURNS date LANGUAGE sql STABLE
RETURN coalesce(
    (SELECT max((clock_timestamp() AT TIME ZONE l.time_zone)::date)
       FROM locations l WHERE l.deleted_at IS NULL),
    (clock_timestamp() AT TIME ZONE 'UTC')::date);

GRANT EXECUTE ON FUNCTION organisation_day TO training_api;
